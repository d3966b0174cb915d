"""``overlay``: the encrypted mesh between the hosts."""

from __future__ import annotations

from cyclopts import App

app = App(name="overlay", help="The encrypted mesh between the hosts, and phones in it.")
app.command("simulacra.cli.overlay_phone:phone", name="phone")


@app.default
def commands() -> None:
    """Show what there is.

    For example:

    - `simulacra overlay --help`
    """
    app.help_print([])
