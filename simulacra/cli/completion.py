"""``completion``: let the shell complete commands, options, and names that the node knows."""

from __future__ import annotations

from typing import Literal

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import known, output


def completion(
    shell: Literal["bash", "zsh", "fish"] | None = None, /, *, install: bool = False
) -> None:
    """Print a script that lets the shell complete commands, options and names, or install it.

    Names are those of computations and hosts, as this machine's node knows them.

    For example:

    - `simulacra completion --install`
    - `simulacra completion bash > ~/.local/share/bash-completion/completions/simulacra`

    Args:
        shell: Which shell; the one this runs in if left out.
        install: Put the script where the shell looks for it.
    """
    # Imported here: the front door names this command, and need not be known to the others.
    from cyclopts.completion import ShellDetectionError, detect_shell  # noqa: PLC0415

    from simulacra.cli.main import make_app  # noqa: PLC0415

    app = make_app()
    try:
        its = shell or detect_shell()
        if install:
            place = app.install_completion(shell=its)
            place.write_text(place.read_text() + known.script(its))
            output.message(f"installed to {place}; it works in shells that start from now on")
        else:
            output.data(app.generate_completion(shell=its) + known.script(its))
    except ShellDetectionError as error:
        raise GatewayError(
            ErrorCode.USAGE, f"which shell this is cannot be told: {error}", "name it: bash"
        ) from error
