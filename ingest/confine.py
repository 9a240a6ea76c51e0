"""What a process that reads files may not do: outlive its parent, fill the disk, start programs, open connections.

The files come from strangers and their parsers are large: a parser that is talked into something has nothing to do it
with. Linux keeps all of it; elsewhere the limits hold, and the rest is left to the parent, which ends the whole group.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

FILES: Final = 256
"""File descriptors that may be open."""
LOOK_S: Final = 1.0
"""Seconds between two looks for the parent, where the kernel does not tell of its end."""

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
MODE_FILTER: Final = 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
"""What a filter returns; to refuse, with the error number in the low bits. Source: seccomp(2)."""
EPERM, ENOSYS = 1, 38
CLONE_THREAD: Final = 0x10000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions of the packet filter machine. Source: linux/bpf_common.h."""
NUMBER, ARCHITECTURE, FIRST = 0, 4, 16
"""Where a filter finds the call's number, the architecture and the low half of the first argument."""
FOREIGN: Final = 0x40000000
"""Set in the numbers of x86-64's other interface (x32)."""


@dataclass(frozen=True, slots=True)
class Calls:
    """An architecture's numbers of system calls."""

    architecture: int
    clone: int
    clone3: int
    refused: tuple[int, ...]
    """socket, fork, vfork, execve, execveat, kill, ptrace, process_vm_writev, io_uring_setup."""


CALLS: Final = {
    "x86_64": Calls(0xC000003E, 56, 435, (41, 57, 58, 59, 322, 62, 101, 311, 425)),
    "aarch64": Calls(0xC00000B7, 220, 435, (198, 221, 281, 129, 117, 271, 425)),
}


def confine(parent: int, memory: int) -> None:
    """Keep this process within its bounds from now on; `memory`: bytes of address space."""
    die_with(parent)
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, 0),  # writing to a pipe is none of this
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, FILES),
    ):
        with suppress(ValueError, OSError):  # lower already, or unknown to this system
            resource.setrlimit(limit, (most, most))
    if sys.platform == "linux":
        refuse_calls()


def die_with(parent: int) -> None:
    """End this process when its parent ends, by kill -9 too, whatever it is busy with."""
    if sys.platform == "linux":
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    else:
        threading.Thread(target=watch, args=(parent,), daemon=True).start()
    if os.getppid() != parent:  # it ended before it could be told
        os._exit(1)


def watch(parent: int) -> None:
    """End this process once it belongs to another parent."""
    while os.getppid() == parent:
        time.sleep(LOOK_S)
    os._exit(1)


def prctl(option: int, *arguments: object) -> int:
    """Call the kernel; returns 0, or -1 where it refuses."""
    padded = (*arguments, *(ctypes.c_ulong(0),) * (4 - len(arguments)))
    return ctypes.CDLL(None).prctl(option, *padded)


def refuse_calls() -> bool:
    """Refuse the calls that start a program, open a connection or touch another process; tell whether that holds.

    A kernel, or a container, that takes no filter leaves the other limits.
    """
    calls = CALLS.get(platform.machine())
    if calls is None:
        return False
    code = b"".join(program(calls))
    space = ctypes.create_string_buffer(code, len(code))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))

    wanted = Filter(len(code) // 8, ctypes.addressof(space))
    prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1))
    return prctl(PR_SET_SECCOMP, ctypes.c_ulong(MODE_FILTER), ctypes.byref(wanted)) == 0


def program(calls: Calls) -> list[bytes]:
    """Return the filter's instructions: the call's number against each that is refused, threads let through."""
    made: list[bytes] = []

    def step(code: int, value: int, yes: int = 0, no: int = 0) -> None:
        made.append(struct.pack("HBBI", code, yes, no, value))

    def refuse_if(test: int, value: int, error: int = EPERM) -> None:
        step(test, value, 0, 1)
        step(RETURN, REFUSE | error)

    step(LOAD, ARCHITECTURE)
    step(EQUAL, calls.architecture, 1, 0)
    step(RETURN, REFUSE | EPERM)
    step(LOAD, NUMBER)
    refuse_if(AT_LEAST, FOREIGN)
    for number in calls.refused:
        refuse_if(EQUAL, number)
    refuse_if(
        EQUAL, calls.clone3, ENOSYS
    )  # its flags are out of a filter's sight; libraries then take `clone`
    step(EQUAL, calls.clone, 0, 3)
    step(LOAD, FIRST)
    step(ANY_BIT, CLONE_THREAD, 1, 0)
    step(RETURN, REFUSE | EPERM)
    step(RETURN, ALLOW)
    return made
