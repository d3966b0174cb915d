"""Find equal photos, and make a small picture of each: two loops, and files that are written.

A file is written under a temporary name and renamed, under a name that its content gives. So a
body that runs again after a crash writes the same file again, and nobody ever sees half of one.
"""

import hashlib
from pathlib import Path

from simulacra.actors.compute.context import Context

THUMBNAIL = 64


def main(ctx: Context, photos: str, thumbnails: str) -> dict[str, list[str]]:
    """The names of photos that occur more than once, by their hash."""
    names: dict[str, list[str]] = ctx.state.setdefault("names", {})
    for path in ctx.steps("photos", ctx.path(photos).iterdir()):
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        write_thumbnail(Path(thumbnails) / digest, data)
        names.setdefault(digest, []).append(path.name)

    equal: dict[str, list[str]] = ctx.state.setdefault("equal", {})
    for digest in ctx.steps("compare", sorted(names)):
        if len(names[digest]) > 1:
            equal[digest] = names[digest]
    return equal


def write_thumbnail(target: Path, data: bytes) -> None:
    """Write every n-th byte: what a real picture library would do, as far as moving goes."""
    part = target.with_suffix(".part")
    part.write_bytes(data[:: max(1, len(data) // THUMBNAIL)])
    part.replace(target)
