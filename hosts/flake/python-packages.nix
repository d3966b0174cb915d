# The Python packages that nixpkgs has not, or not as new as pyproject.toml asks.
{
  python3,
}:
let
  inherit (python3.pkgs) buildPythonPackage fetchPypi;

  # A wheel for every machine, as PyPI has it.
  wheel =
    {
      pname,
      version,
      hash,
      dependencies,
    }:
    buildPythonPackage {
      inherit pname version dependencies;
      format = "wheel";
      src = fetchPypi {
        inherit pname version hash;
        format = "wheel";
        dist = "py3";
        python = "py3";
      };
    };
in
{
  cyclopts = wheel {
    pname = "cyclopts";
    version = "5.4.0";
    hash = "sha256-KaRjmEnpFh9kvOeQTHh7hfaorM+wjNZ1rXC3dTr1foE=";
    dependencies = with python3.pkgs; [
      attrs
      docstring-parser
      rich
      rich-rst
    ];
  };

  pyone = wheel {
    pname = "pyone";
    version = "7.3.80";
    hash = "sha256-FSQK54DrcKPYaR2h/C2ZN7nB5Klz37IhqmIK+Eb8ny4=";
    dependencies = with python3.pkgs; [
      dict2xml
      grpcio
      lxml
      requests
      six
      tblib
      xmltodict
    ];
  };

  pyfastcdc = buildPythonPackage rec {
    pname = "pyfastcdc";
    version = "0.3.1";
    pyproject = true;
    src = fetchPypi {
      inherit pname version;
      hash = "sha256-TUvMCwekjz8xIhtbhj4axa0n1stQiR9u1+ivL8ZmsJE=";
    };
    build-system = with python3.pkgs; [
      cython
      setuptools
    ];
    dependencies = [ python3.pkgs.typing-extensions ];
    # Without it a failure to compile is silent, and cutting into chunks a hundred times slower.
    env.PYFASTCDC_REQUIRE_CYTHON = "1";
    pythonImportsCheck = [ "pyfastcdc.cy.fastcdc" ];
  };
}
