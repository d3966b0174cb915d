"""An endpoint that speaks OpenNebula's XML-RPC over HTTP, with machines in memory."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from xml.sax.saxutils import escape
from xmlrpc.server import SimpleXMLRPCServer

SESSION: Final = "me:hush"
AUTHENTICATION, NO_EXISTS = 0x0100, 0x0400
ACTIVE, DONE, RUNNING, BOOT = 3, 6, 3, 2


class OpenNebula:
    """What OpenNebula keeps of machines, and its methods.

    Attributes:
        vms: by number: name, state, inner state, what was said beside the template.
    """

    def __init__(self) -> None:
        self.vms: dict[int, list[Any]] = {}

    def _dispatch(self, method: str, params: tuple[Any, ...]) -> list[Any]:
        session, *args = params
        if session != SESSION:
            return [False, f"[{method}] User couldn't be authenticated, aborting.", AUTHENTICATION]
        answer: list[Any] = getattr(self, method.removeprefix("one.").replace(".", "_"))(*args)
        return answer

    def template_instantiate(self, number: int, name: str, hold: bool, extra: str) -> list[Any]:
        if number != 7 or hold:
            return [False, "[one.template.instantiate] Error getting template.", NO_EXISTS]
        new = len(self.vms) + 1
        self.vms[new] = [name, ACTIVE, BOOT, extra]
        return [True, new, 0]

    def templatepool_info(self, *_: int) -> list[Any]:
        names = {7: "debian", 8: "twice", 9: "twice"}
        rows = "".join(
            f"<VMTEMPLATE><ID>{n}</ID><UID>0</UID><GID>0</GID><UNAME>me</UNAME><GNAME>us</GNAME>"
            f"<NAME>{name}</NAME><REGTIME>1</REGTIME><TEMPLATE/></VMTEMPLATE>"
            for n, name in names.items()
        )
        return [True, f"<VMTEMPLATE_POOL>{rows}</VMTEMPLATE_POOL>", 0]

    def vmpool_info(self, whose: int, first: int, last: int, state: int) -> list[Any]:
        assert (whose, first, last, state) == (-3, -1, -1, -1)
        rows = [self._row(n, vm) for n, vm in self.vms.items() if vm[1] != DONE]
        return [True, f"<VM_POOL>{''.join(rows)}</VM_POOL>", 0]

    def vm_action(self, action: str, number: int) -> list[Any]:
        if self.vms.get(number, [None, DONE])[1] == DONE:
            return [False, f"[one.vm.action] Error getting virtual machine [{number}].", NO_EXISTS]
        assert action == "terminate-hard"
        self.vms[number][1] = DONE
        return [True, number, 0]

    def _row(self, number: int, vm: list[Any]) -> str:
        name, state, inner, extra = vm
        marks = re.findall(r'^(SIMULACRA_\w+)="(.*)"$', extra, re.MULTILINE)
        said = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in marks)
        return (
            f"<VM><ID>{number}</ID><UID>0</UID><GID>0</GID><UNAME>me</UNAME><GNAME>us</GNAME>"
            f"<NAME>{name}</NAME><LAST_POLL>0</LAST_POLL><STATE>{state}</STATE>"
            f"<LCM_STATE>{inner}</LCM_STATE><RESCHED>0</RESCHED><STIME>1</STIME><ETIME>0</ETIME>"
            f"<DEPLOY_ID/><TEMPLATE><NIC><IP>192.0.2.{number}</IP></NIC></TEMPLATE>"
            f"<USER_TEMPLATE>{said}</USER_TEMPLATE></VM>"
        )


@contextmanager
def served() -> Iterator[tuple[OpenNebula, str]]:
    """It, and where it answers."""
    one = OpenNebula()
    with SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as server:
        server.register_instance(one)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield one, f"http://127.0.0.1:{server.server_address[1]}/RPC2"
        server.shutdown()
        thread.join()
