"""Child processes of the demo and the tests: waited for by what they do, and never left behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nilometer_detectors.demo.stack.processes import Process, ProcessFailed, free_port

PRINTS_AND_WAITS = "import signal; print('number 7 is ready', flush=True); signal.pause()"
DEAF = "import signal; signal.signal(15, signal.SIG_IGN); print('ready', flush=True)\nwhile True: signal.pause()"


def python(code: str, folder: Path, *arguments: str) -> Process:
    """Returns a process that runs Python code."""
    return Process("the child", [sys.executable, "-c", code, *arguments], log=folder / "child.log")


def test_a_line_that_is_waited_for_is_returned(tmp_path: Path) -> None:
    """What the child printed tells that it is ready, and what it said."""
    with python(PRINTS_AND_WAITS, tmp_path) as child:
        assert child.wait_for_line(r"number (\d) is ready")[1] == "7"
        assert child.running
    assert not child.running


def test_a_child_that_ends_too_early_is_quoted(tmp_path: Path) -> None:
    """Waiting for a child that failed ends at once, with its exit code and the end of what it printed."""
    child = python("import sys; sys.exit('no such topic')", tmp_path).start()

    with pytest.raises(ProcessFailed, match=r"the child ended with code 1 before it printed 'ready'\s+no such topic"):
        child.wait_for_line("ready")
    with pytest.raises(ProcessFailed, match=r"the child ended with code 1\s+no such topic"):
        child.check()


def test_a_restart_waits_for_new_lines(tmp_path: Path) -> None:
    """What the child printed in a former life is kept in the log, and is no sign of this one."""
    child = python("print('started')", tmp_path)
    child.start().wait()
    child.start().wait()

    assert child.output() == "started\n"
    assert child.log.read_text() == "started\nstarted\n"


def test_ctrl_c_is_not_lost_while_a_child_is_made(tmp_path: Path) -> None:
    """Ctrl-C in the middle of the fork, where Python swallows exceptions, interrupts as soon as the child is known."""
    code = f"""
import os, pathlib, signal
from nilometer_detectors.demo.stack.processes import Process
os.register_at_fork(after_in_parent=lambda: signal.raise_signal(signal.SIGINT))
signal.signal(signal.SIGINT, signal.default_int_handler)
child = Process("the child", ["sleep", "60"], log=pathlib.Path({str(tmp_path / "sleep.log")!r}))
try:
    child.start()
except KeyboardInterrupt:
    print("interrupted,", "running" if child.running else "unknown")
    child.kill()
"""
    parent = python(code, tmp_path).start()

    assert parent.wait() == 0
    assert parent.output() == "interrupted, running\n"


@pytest.mark.parametrize("handler", [signal.SIG_IGN, signal.SIG_DFL])
def test_a_child_inherits_what_is_ignored(tmp_path: Path, handler: signal.Handlers) -> None:
    """A hang-up that we were told to ignore, as by nohup, is ignored by our children; any other ends them."""
    code = "import signal; print(signal.getsignal(signal.SIGHUP).name)"
    before = signal.signal(signal.SIGHUP, handler)
    try:
        child = python(code, tmp_path).start()
    finally:
        signal.signal(signal.SIGHUP, before)

    assert child.wait() == 0
    assert child.output() == f"{handler.name}\n"


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    """SIGTERM is a request; a child that ignores it, or is paused, is ended all the same."""
    child = python(DEAF, tmp_path).start()
    child.wait_for_line("ready")
    child.signal(signal.SIGSTOP)

    child.stop(grace_seconds=0.2)

    assert child.wait() == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_child_dies_with_its_parent(tmp_path: Path) -> None:
    """Even kill -9 of the parent leaves no child: it is told by the kernel, and its output's other end closes."""
    parent = f"""
import sys
from pathlib import Path
from nilometer_detectors.demo.stack.processes import Process
child = Process("child", [sys.executable, "-c", {PRINTS_AND_WAITS!r}], log=Path(sys.argv[1])).start()
child.wait_for_line("ready")
print(child.pid, flush=True)
child.wait()
"""
    with subprocess.Popen([sys.executable, "-c", parent, tmp_path / "log"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        grandchild = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
    try:
        poll = select.poll()
        poll.register(grandchild)
        assert poll.poll(10_000), "the grandchild is still there after 10 s"
    finally:
        os.close(grandchild)


def test_server_ports_are_not_those_of_clients() -> None:
    """A port lies below the range of outgoing connections: no client that retries can take a restarting server's."""
    assert all(15_000 <= free_port() < 32_000 for _ in range(100))
