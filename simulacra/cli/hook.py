"""``hook``: what a shell needs so that commands run where the current directory lies."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final, Literal

from simulacra.actors.compute.mounts import KINDS
from simulacra.actors.data.trees.roots import ROOTS
from simulacra.actors.gateway.frames import GatewayError
from simulacra.actors.settings import Settings
from simulacra.cli import output
from simulacra.client import find_socket

# Only a sieve, in the shell itself so that it costs next to nothing: exactly, `run` looks.
_SH: Final = r"""
_simulacra_is_below() {
    local point
    printf -v point '%b' "${1//\\/\\0}"
    case $PWD/ in "${point%/}"/*) return 0 ;; esac
    [ -n "$physical" ] || physical=$(pwd -P)
    case $physical/ in "${point%/}"/*) return 0 ;; esac
    return 1
}
_simulacra_is_elsewhere() {
    local id parent device root point rest physical=
    while read -r id parent device root point rest; do
        case ${rest#* - } in
        KINDS) ;;
        *) continue ;;
        esac
        _simulacra_is_below "$point" && return 0
    done < /proc/self/mountinfo
    [ -r ROOTS ] || return 1
    while read -r point; do
        _simulacra_is_below "$point" && return 0
    done < ROOTS
    return 1
}
""".lstrip()
_SH_COMMAND: Final = """\
function {name} {{
    if _simulacra_is_elsewhere; then
        simulacra run --best -- {name} "$@"
    else
        command {name} "$@"
    fi
}}
"""
_FISH: Final = r"""
function _simulacra_is_below
    set -l point (printf '%b' (string replace -a '\\' '\\0' -- $argv[1]) | string collect)
    set point (string replace -r '/$' '' -- $point)
    set -l length (math 1 + (string length -- "$point"))
    test (string sub -l $length -- "$PWD/") = "$point/"; and return 0
    test (string sub -l $length -- (pwd -P)/) = "$point/"
end
function _simulacra_is_elsewhere
    while read -l line
        set -l halves (string split -m 1 ' - ' -- $line)
        contains -- (string split ' ' -- $halves[2])[1] KINDS; or continue
        _simulacra_is_below (string split ' ' -- $halves[1])[5]; and return 0
    end < /proc/self/mountinfo
    test -r ROOTS; or return 1
    while read -l point
        _simulacra_is_below $point; and return 0
    end < ROOTS
    return 1
end
""".lstrip()
_FISH_COMMAND: Final = """\
function {name} --wraps {name}
    if _simulacra_is_elsewhere
        simulacra run --best -- {name} $argv
    else
        command {name} $argv
    end
end
"""


def hook(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print what lets a shell run commands where the current directory lies, where that pays.

    That are commands that use the disk a lot, as listed under run_commands in the settings, in a
    directory that is mounted from another host, or in a tree. All others are as they were.

    For example:

    - `eval "$(simulacra hook bash)"` in ~/.bashrc
    - `eval "$(simulacra hook zsh)"` in ~/.zshrc
    - `simulacra hook fish | source` in ~/.config/fish/config.fish

    Args:
        shell: Which shell.
    """
    settings = Settings.load()
    try:
        node = find_socket().name
    except GatewayError:  # there are several, of which `run` will ask for one
        node = settings.name
    roots = settings.paths.state / node / "trees" / ROOTS
    output.data(script(shell, settings.run_commands, roots))


def script(shell: str, commands: tuple[str, ...], roots: Path) -> str:
    """The functions of a shell that stand before these commands.

    Args:
        shell: which.
        commands: their names.
        roots: the file of the roots of this host's trees.
    """
    if shell == "fish":
        head, each, kinds = _FISH, _FISH_COMMAND, " ".join(KINDS)
    else:
        head, each, kinds = _SH, _SH_COMMAND, "|".join(rf"{kind}\ *" for kind in KINDS)
    head = head.replace("KINDS", kinds).replace("ROOTS", shlex.quote(str(roots)))
    return head + "".join(each.format(name=name) for name in commands)
