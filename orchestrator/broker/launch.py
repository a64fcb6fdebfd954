"""Becomes another program that can't outlive its parent: `launch.py PARENT_PID PROGRAM ARGUMENT…`.

Run as a script of its own, because the same steps between fork and exec of a process with
threads (subprocess's `preexec_fn`) may deadlock. Linux only, as is all of Laitevuoro.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

# linux/prctl.h. Survives exec of a program that is not set-uid.
_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel for SIGKILL when the parent dies, then become the program."""
    parent, *command = sys.argv[1:]
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit("the kernel refuses PR_SET_PDEATHSIG")
    # It may have died before the kernel was asked.
    if os.getppid() != int(parent):
        sys.exit("the parent is gone")
    os.execv(command[0], command)  # noqa: S606 # the program and arguments are our caller's


if __name__ == "__main__":
    main()
