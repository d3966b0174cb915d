from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths, Settings, host_name, split_address


@pytest.fixture
def layers(tmp_path: Path) -> dict[str, Path]:
    """Folders for the three files: the machine's, the user's, the current one."""
    folders = {
        "system": tmp_path / "etc",
        "user": tmp_path / "home" / "config",
        "folder": tmp_path / "work",
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    return folders


def load(layers: dict[str, Path], flags: dict[str, object], **environ: str) -> Settings:
    home = {"SIMULACRA_HOME": str(layers["user"].parent), **environ}
    return Settings.load(flags, environ=home, folder=layers["folder"], system=layers["system"])


def test_defaults_need_no_file_and_open_no_port_to_others(layers: dict[str, Path]) -> None:
    settings = load(layers, {})
    assert settings.name == host_name()
    assert settings.listen == "127.0.0.1:0"
    assert settings.join == ()


def test_each_layer_wins_over_the_one_below(layers: dict[str, Path]) -> None:
    names = []
    for layer in ("system", "user", "folder"):
        (layers[layer] / "simulacra.toml").write_text(f'name = "{layer}"\n')
        names.append(load(layers, {}).name)
    names.append(load(layers, {}, SIMULACRA_NAME="variable").name)
    names.append(load(layers, {"name": "flag"}, SIMULACRA_NAME="variable").name)
    assert names == ["system", "user", "folder", "variable", "flag"]


def test_layers_are_merged_setting_by_setting(layers: dict[str, Path]) -> None:
    (layers["system"] / "simulacra.toml").write_text('listen = "0.0.0.0:7400"\njoin = ["a:1"]\n')
    settings = load(layers, {"name": None, "join": ()}, SIMULACRA_JOIN="b:2, c:3")
    assert (settings.listen, settings.join) == ("0.0.0.0:7400", ("b:2", "c:3"))


def test_the_environment_says_numbers_in_digits(layers: dict[str, Path]) -> None:
    assert load(layers, {}, SIMULACRA_CHECKPOINT_LIMIT="5").checkpoint_limit == 5
    assert load(layers, {}, SIMULACRA_BULK_PORT="0").bulk_port == 0
    with pytest.raises(GatewayError, match="checkpoint_limit '5 GB' is no number of bytes"):
        load(layers, {}, SIMULACRA_CHECKPOINT_LIMIT="5 GB")


@pytest.mark.parametrize(
    ("listen", "stated", "found"),
    [
        ("192.168.1.7:7400", None, 7403),
        ("[fe80::1]:9000", None, 9003),
        ("0.0.0.0:7400", 8000, 8000),
        ("0.0.0.0:7400", 0, 0),
        ("0.0.0.0:0", None, 0),
        ("0.0.0.0:65533", None, 0),
        ("127.0.0.1:7400", None, 0),
        ("127.0.0.1:7400", 8000, 8000),
    ],
)
def test_bulk_has_the_third_port_after_mails_or_the_one_that_is_stated(
    layers: dict[str, Path], listen: str, stated: int | None, found: int
) -> None:
    assert load(layers, {"listen": listen, "bulk_port": stated}).bulk == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('nmae = "desk"', "no setting 'nmae'"),
        ('name = "My Desk"', "no node's name"),
        ("name = 3", "no node's name"),
        ('listen = "7400"', "not HOST:PORT"),
        ('join = "nas:7400"', "not a list"),
        ('log = "xml"', "log is 'xml'"),
        ('labels = "gpu"', "not a list"),
        ('labels = ["GPU!"]', "is no label"),
        ('checkpoint_limit = "much"', "no number of bytes"),
        ("checkpoint_limit = 0", "no number of bytes"),
        ("bulk_port = 65536", "65536 is no port"),
        ("bulk_port = '7403'", "'7403' is no port"),
        ("bulk_port = true", "True is no port"),
        ("mesh = 0", "no number of hosts"),
        ("mesh = '9'", "no number of hosts"),
        ("idle = 9.9", "no number of seconds from 10"),
        ("idle = true", "no number of seconds"),
        ("idle = nan", "no number of seconds"),
        ("checkpoint_limit = true", "no number of bytes"),
        ('join = ["nas"]', "not HOST:PORT"),
        ("name =", "cannot be read"),
        ('zone = "My Home"', "no zone's name"),
        ('hooks = "x"', "not a table"),
        ('[hooks]\n"host.loss" = ["a"]', "'host.loss' is no kind of event"),
        ('[hooks]\nhost.lost = ["a"]', "'host' is no kind of event"),
        ('[hooks]\n"host.lost" = "notify-send"', "not a list of words"),
        ('[hooks]\n"host.lost" = [["a"], []]', "not a list of words"),
        ('run_commands = "make"', "not a list of names"),
        ('run_commands = ["make -j8"]', "not a list of names"),
        ('run_commands = ["/bin/make"]', "not a list of names"),
        ('run_environ = ["A=$B"]', "not a list of names"),
        ('ssh = "nas"', "not a table"),
        ('[ssh]\nNAS = "me@nas"', "no host's name"),
        ('[ssh]\nnas = "-oProxyCommand=x"', "nothing that ssh could be given"),
        ('[ssh]\nnas = ""', "nothing that ssh could be given"),
        ('sources = ["nas"]', "not a table"),
        ('[sources]\n"//nas/x" = "nas"', "no HOST:/PATH"),
        ('[sources]\n"//nas/x" = "nas:x"', "no HOST:/PATH"),
        ('[sources]\n"//nas/x" = "Big Nas:/x"', "no HOST:/PATH"),
        ('sleep = "systemctl"', "not a table"),
        ('[sleep]\nhibernate = ["true"]', "no way to sleep"),
        ('[sleep]\nsuspend = "systemctl suspend"', "not a list of words"),
    ],
)
def test_what_is_wrong_is_named_with_its_file(
    layers: dict[str, Path], text: str, said: str
) -> None:
    file = layers["folder"] / "simulacra.toml"
    file.write_text(text)
    with pytest.raises(GatewayError, match=said) as refused:
        load(layers, {})
    assert refused.value.code is ErrorCode.USAGE
    assert str(file) in refused.value.message
    assert refused.value.hint


def test_hooks_are_one_command_or_several(layers: dict[str, Path]) -> None:
    text = '[hooks]\n"host.lost" = ["say", "lost"]\n"*" = [["a"], ["b", "c"]]\n'
    (layers["folder"] / "simulacra.toml").write_text(text)
    assert load(layers, {}).hooks == {"host.lost": (("say", "lost"),), "*": (("a",), ("b", "c"))}


def test_what_concerns_commands_that_run_elsewhere(layers: dict[str, Path]) -> None:
    assert "make" in load(layers, {}).run_commands
    text = 'run_commands = []\nrun_environ = ["LC_*"]\n'
    text += '[ssh]\nnas = "me@nas.lan"\n[sources]\n"//nas/x" = "nas:/srv/x"\n'
    (layers["folder"] / "simulacra.toml").write_text(text)
    settings = load(layers, {})
    assert (settings.run_commands, settings.run_environ) == ((), ("LC_*",))
    assert settings.ssh == {"nas": "me@nas.lan"}
    assert settings.sources == {"//nas/x": "nas:/srv/x"}


def test_what_is_wrong_in_the_environment(layers: dict[str, Path]) -> None:
    with pytest.raises(GatewayError, match="in the environment: listen"):
        load(layers, {}, SIMULACRA_LISTEN="nowhere")


@pytest.mark.parametrize(
    ("address", "pair"),
    [("nas.local:7400", ("nas.local", 7400)), ("[fe80::1]:0", ("fe80::1", 0))],
)
def test_addresses(address: str, pair: tuple[str, int]) -> None:
    assert split_address(address) == pair


@pytest.mark.parametrize("address", ["", "nas", "nas:", ":7400", "nas:70000", "a b:1", "::1:7400"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        split_address(address)


def test_home_puts_everything_under_one_folder() -> None:
    paths = Paths.find({"SIMULACRA_HOME": "/h", "XDG_STATE_HOME": "/elsewhere"})
    assert paths == Paths(Path("/h/config"), Path("/h/state"), Path("/h/run"))
    assert paths.socket("desk") == Path("/h/run/desk")
    assert paths.key("desk") == Path("/h/config/desk.key")
    assert paths.members == Path("/h/config/members")


def test_folders_of_the_desktop_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/u")
    monkeypatch.setenv("XDG_CONFIG_HOME", "/c")
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    paths = Paths.find({"XDG_RUNTIME_DIR": "/r"})
    expected = ("/c/simulacra", "/u/.local/state/simulacra", "/r/simulacra")
    assert paths == Paths(*map(Path, expected))


def test_without_a_session_sockets_go_to_a_folder_of_this_user() -> None:
    assert Paths.find({"HOME": "/u"}).runtime.name == f"simulacra-{os.getuid()}"


def test_labels_are_read_from_each_layer(layers: dict[str, Path]) -> None:
    assert load(layers, {}).labels == ()
    (layers["user"] / "simulacra.toml").write_text('labels = ["gpu"]\n')
    assert load(layers, {}).labels == ("gpu",)
    assert load(layers, {}, SIMULACRA_LABELS="big, tape").labels == ("big", "tape")
    assert load(layers, {"labels": ("x",)}, SIMULACRA_LABELS="big").labels == ("x",)
