"""``hook``: what a shell needs so that commands run where the current directory lies."""

from __future__ import annotations

from typing import Final, Literal

from simulacra.actors.compute.mounts import KINDS
from simulacra.actors.settings import Settings
from simulacra.cli import output

# Only a sieve, in the shell itself so that it costs next to nothing: exactly, `run` looks.
_SH: Final = r"""
_simulacra_is_elsewhere() {
    local id parent device root point rest physical=
    while read -r id parent device root point rest; do
        case ${rest#* - } in
        KINDS) ;;
        *) continue ;;
        esac
        printf -v point '%b' "${point//\\/\\0}"
        case $PWD/ in "${point%/}"/*) return 0 ;; esac
        [ -n "$physical" ] || physical=$(pwd -P)
        case $physical/ in "${point%/}"/*) return 0 ;; esac
    done < /proc/self/mountinfo
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
function _simulacra_is_elsewhere
    set -l physical
    while read -l line
        set -l halves (string split -m 1 ' - ' -- $line)
        contains -- (string split ' ' -- $halves[2])[1] KINDS; or continue
        set -l escaped (string split ' ' -- $halves[1])[5]
        set -l point (printf '%b' (string replace -a '\\' '\\0' -- $escaped) | string collect)
        set point (string replace -r '/$' '' -- $point)
        set -l length (math 1 + (string length -- "$point"))
        test (string sub -l $length -- "$PWD/") = "$point/"; and return 0
        test -n "$physical"; or set physical (pwd -P)
        test (string sub -l $length -- "$physical/") = "$point/"; and return 0
    end < /proc/self/mountinfo
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
    directory that is mounted from another host. All others are as they were.

    For example:

    - `eval "$(simulacra hook bash)"` in ~/.bashrc
    - `eval "$(simulacra hook zsh)"` in ~/.zshrc
    - `simulacra hook fish | source` in ~/.config/fish/config.fish

    Args:
        shell: Which shell.
    """
    output.data(script(shell, Settings.load().run_commands))


def script(shell: str, commands: tuple[str, ...]) -> str:
    """The functions of a shell that stand before these commands."""
    if shell == "fish":
        head, each, kinds = _FISH, _FISH_COMMAND, " ".join(KINDS)
    else:
        head, each, kinds = _SH, _SH_COMMAND, "|".join(rf"{kind}\ *" for kind in KINDS)
    return head.replace("KINDS", kinds) + "".join(each.format(name=name) for name in commands)
