"""Writes an inventory and its plan: both as they are to be, or neither where one is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.private_files import replace_whole
from simulacra.actors.settings import Settings
from simulacra.cli import inventories, output
from simulacra.cli.inventories import Opened
from simulacra.cli.options import NODE, Common, Node, client
from simulacra.overlay.plan import phone
from simulacra.overlay.plan.changing import changes, cut_off
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.text import PlanTextError, from_text, to_text

_ASK: Final = 5.0


@dataclass(frozen=True)
class Draft:
    """What an inventory and its plan are to be.

    Attributes:
        opened: the inventory as it is to be.
        plan: what follows from it.
        old: the plan that there is; None if there is none that can be read.
    """

    opened: Opened
    plan: Plan
    old: Plan | None

    @property
    def changes(self) -> list[tuple[str, str]]:
        """What is new, by host."""
        if self.old is None:
            return [(name, "is planned for the first time") for name in self.plan.hosts]
        return list(changes(self.old, self.plan))

    @property
    def is_stale(self) -> bool:
        """Whether the plan's file is not what it is to be."""
        return self.old != self.plan


def draft(opened: Opened, *, is_edit: bool = False) -> Draft:
    """The plan of an inventory.

    Args:
        opened: the inventory.
        is_edit: whether it is one that is not written yet.

    Raises:
        GatewayError: there can be none; says everything that is wrong.
    """
    with inventories.refusals(opened.file, is_edit=is_edit):
        # It needs what is an extra, for those who have an inventory.
        from simulacra.overlay.plan.planning import plan  # noqa: PLC0415

        return Draft(opened, plan(opened.inventory, opened.sha256), read(opened.plan_file))


def edited(opened: Opened, text: str) -> Draft:
    """The plan of an inventory with another text, which is written nowhere yet.

    Raises:
        GatewayError: the text is refused; says everything that is wrong.
    """
    read = inventories.checked(opened.file, text, is_edit=True)
    return draft(Opened(opened.file, text.encode(), read), is_edit=True)


def put(made: Draft, *, force: bool, options: Node = NODE) -> None:
    """Write the plan, and the inventory before it where that is new.

    Args:
        made: both.
        force: whether it may cut off the host that this is.
        options: which node is this host's.

    Raises:
        GatewayError: it would cut this host off, or a file cannot be written.
    """
    why = "" if force or made.old is None else _cut_off(made.old, made.plan, options)
    if why:
        raise GatewayError(
            ErrorCode.FAILED,
            f"nothing is changed, since this would cut off the host that you sit at: {why}",
            "if that is meant: the same with --force",
        )
    opened = made.opened
    try:
        if opened.file.read_bytes() != opened.content:
            _replace(opened.file, opened.content)
        _replace(opened.plan_file, to_text(made.plan).encode())
    except OSError as error:
        raise GatewayError(ErrorCode.FAILED, str(error), "see: simulacra hosts plan") from error


def put_and_tell(made: Draft, done: str, *, force: bool, common: Common) -> None:
    """Write both, as `put` does, and say what was done and what is new for whom."""
    put(made, force=force, options=common)
    if not common.json:
        tell(made, done)
        return
    output.document(
        {
            "plan": str(made.opened.plan_file),
            "changes": plain(made.changes),
            "phones": stale_phones(made),
        }
    )


def _cut_off(old: Plan, new: Plan, options: Node) -> str:
    """Why this host would be cut off; empty if it would not."""
    here = Settings.load({"name": options.node}).name
    return cut_off(old, new, here) and cut_off(old, new, here, held=key_held(options, here))


def key_held(options: Node, host: str) -> str:
    """Return the key that a host holds in the overlay; empty where no node of it is up here.

    That may be another one than any plan has, since hosts make new keys by themselves.
    """
    try:
        found = client(options).item("overlay", timeout=_ASK)
    except GatewayError:
        return ""
    return str(found["key"]) if found["host"] == host else ""


def tell(made: Draft, done: str) -> None:
    """Say what was done, and what is new for which host."""
    output.message(done)
    for host, found in groupby(made.changes, key=lambda each: each[0]):
        output.message(f"{host}: {'; '.join(text for _, text in found)}")
    for text in stale_phones(made):
        output.message(text)


def stale_phones(made: Draft) -> list[str]:
    """The phones that need another configuration, as it is said of them."""
    return [phone.told(name, changed) for name, changed in phone.stale(made.plan).items()]


def plain(found: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """What is new, for JSON."""
    return [{"host": host, "change": text} for host, text in found]


def read(file: Path) -> Plan | None:
    """Return the plan in a file; None if there is none that can be read."""
    try:
        return from_text(file.read_text())
    except (OSError, UnicodeDecodeError, PlanTextError):
        return None


def _replace(file: Path, content: bytes) -> None:
    """Replace a file of people's, who decide on its mode."""
    replace_whole(file, content, file.stat().st_mode & 0o777 if file.exists() else 0o644)
