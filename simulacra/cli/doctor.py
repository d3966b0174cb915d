"""``doctor``: what is wrong on this machine, and what to do about each thing."""

from __future__ import annotations

from dataclasses import asdict

from simulacra.actors.settings import Settings
from simulacra.cli import output
from simulacra.cli.checks import CHECKS, Verdict
from simulacra.cli.exits import ExitCode
from simulacra.cli.options import COMMON, Common


def doctor(*, common: Common = COMMON) -> ExitCode:
    """Check this machine: software, folders, keys, ports, clocks, limits; say what to do.

    It needs no node, and returns 1 where something is wrong.

    For example:

    - `simulacra doctor`

    Args:
        common: Options of all commands.
    """
    settings = Settings.load({"name": common.node})
    findings = [finding for check in CHECKS for finding in check(settings)]
    if common.json:
        output.document([asdict(finding) for finding in findings])
    else:
        output.table(
            ("check", "", "found"),
            [(finding.name, finding.verdict, finding.found) for finding in findings],
        )
        for finding in findings:
            if finding.todo:
                output.message(f"{finding.name}: {finding.todo}")
    wrong = any(finding.verdict is Verdict.WRONG for finding in findings)
    return ExitCode.FAILED if wrong else ExitCode.OK
