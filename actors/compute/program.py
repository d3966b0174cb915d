"""From a spec to something to run: loading user code, and the two shapes it has.

A function (a script's `main`, a callable) is called once with ctx. A movable actor is an object
whose attributes are the state and whose ``on_receive`` is called for each message. Either may have
``save()`` and ``load(state, version)`` (in a script: functions beside `main`), and a
``STATE_VERSION``: they are preferred to what is otherwise kept.

A script's module is called `MODULE`, so classes of a script are pickled by reference: the code
that runs again from its top defines them again, and the state's objects are of those classes.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from simulacra.actors.compute.arguments import unpack_argument
from simulacra.actors.compute.context import Context, Message
from simulacra.actors.compute.snapshot import Snapshot
from simulacra.actors.compute.spec import ActorClass, EntryPoint, Function, Script, Spec
from simulacra.actors.compute.values import unpack

MODULE: Final = "__script__"


class LoadError(Exception):
    """The code cannot be loaded; the text says what to do."""


class Program:
    """User code, loaded."""

    def __init__(self, spec: Spec) -> None:
        """Load the code of ``spec``.

        Raises:
            LoadError: a syntax error, a missing module, no such callable, or one that does not take
                the arguments.
        """
        self.args = tuple(unpack_argument(value) for value in spec.args)
        self.kwargs = {key: unpack_argument(value) for key, value in spec.kwargs.items()}
        self._code, self._module = _load(spec)
        self._is_actor = isinstance(spec.what, ActorClass) or _is_actor_class(self._code)
        _check_arguments(self._code, () if self._is_actor else (None,), self.args, self.kwargs)

    def run(self, ctx: Context, snapshot: Snapshot) -> Any:
        """Run to the end, from the top or from ``snapshot``; the result."""
        if self._is_actor:
            return self._run_actor(ctx, snapshot)
        self._keep_with(ctx, self._module, snapshot)
        return self._code(ctx, *self.args, **self.kwargs)

    def _run_actor(self, ctx: Context, snapshot: Snapshot) -> None:
        is_new = not snapshot.state and snapshot.consumed == 0
        if is_new:
            actor = self._code(*self.args, **self.kwargs)
        else:
            actor = object.__new__(self._code)  # type: ignore[arg-type]
            if snapshot.version == 0:
                actor.__dict__.update(snapshot.state)
        ctx.save = lambda: (actor.__dict__, 0)
        self._keep_with(ctx, actor, snapshot)
        if callable(getattr(actor, "on_start", None)):
            actor.on_start(ctx)
        while True:
            message = ctx.receive()
            if message is not None:
                _handle(actor, message)

    @staticmethod
    def _keep_with(ctx: Context, owner: Any, snapshot: Snapshot) -> None:
        """Let ``owner`` save and load its state itself, if it has save() and load()."""
        save, load = getattr(owner, "save", None), getattr(owner, "load", None)
        if not (callable(save) and callable(load)):
            return
        ctx.save = lambda: (save(), int(getattr(owner, "STATE_VERSION", 1)))
        if snapshot.version:
            load(snapshot.state, snapshot.version)


def _check_arguments(
    code: Callable[..., Any],
    before: tuple[None, ...],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    """Refuse what cannot be called like that: to run it again would not help."""
    try:
        signature = inspect.signature(code, follow_wrapped=False)  # what it is called by
    except (TypeError, ValueError):  # of something built in, which does not tell
        return
    try:
        signature.bind(*before, *args, **kwargs)
    except TypeError as error:
        name = getattr(code, "__name__", type(code).__name__)
        first = "ctx is given as the first; " if before else ""
        raise LoadError(
            f"{name}{signature} does not take what it was given: {error}. {first}at the command"
            " line the others are named: --arg NAME=VALUE, --reads NAME=HOST:PATH"
        ) from error


def _is_actor_class(code: object) -> bool:
    """Whether what a name stands for is a movable actor: nobody has to say so when spawning it."""
    return isinstance(code, type) and callable(getattr(code, "on_receive", None))


def _handle(actor: Any, message: Message) -> None:
    try:
        answer = actor.on_receive(message)
    except Exception as error:
        message.reply_error(error)
        raise
    message.reply(answer)


def _load(spec: Spec) -> tuple[Callable[..., Any], ModuleType | None]:
    match spec.what:
        case Script(path=path, source=source):
            module = _run_script(path, source)
            return _member(module, "main", path), module
        case EntryPoint(target=target) | ActorClass(target=target, pickled=None):
            module_name, _, name = target.partition(":")
            try:
                module = importlib.import_module(module_name)
            except ModuleNotFoundError as error:
                raise LoadError(_missing(error)) from error
            return _member(module, name, module_name), module
        case Function(pickled=pickled) | ActorClass(pickled=bytes() as pickled):
            try:
                return unpack(pickled), None
            except ModuleNotFoundError as error:
                raise LoadError(_missing(error)) from error
        case _:
            raise LoadError("a command is no code: run it with CommandProcess")


def _run_script(path: str, source: str) -> ModuleType:
    module = ModuleType(MODULE)
    module.__file__ = path
    sys.modules[MODULE] = module
    sys.path.insert(0, str(Path(path).parent))
    try:
        # dont_inherit: the script is not written under this module's __future__ imports
        exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102
    except SyntaxError as error:
        raise LoadError(
            f"{path}, line {error.lineno}: {error.msg}: {(error.text or '').strip()!r}."
            " Correct it and spawn it again"
        ) from error
    except ModuleNotFoundError as error:
        raise LoadError(_missing(error)) from error
    return module


def _missing(error: ModuleNotFoundError) -> str:
    return (
        f"there is no module {error.name!r} on this host for {sys.executable}. Install it here"
        f" (pip install {(error.name or '').partition('.')[0]}), or spawn with --on a host that"
        " has it"
    )


def _member(module: ModuleType, name: str, where: str) -> Callable[..., Any]:
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        raise LoadError(f"{where} has no {name} that can be called: write def {name}(ctx, ...):")
    return found  # type: ignore[no-any-return]
