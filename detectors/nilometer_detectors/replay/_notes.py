"""What a replay says of itself at its end: what was read, how much of it counted, what was left out and what may help."""

from collections.abc import Iterator, Sequence

from nilometer_detectors.monitors.monitor import CompiledMonitor
from nilometer_detectors.replay._account import Account
from nilometer_detectors.replay._engine import Replay, Unused
from nilometer_detectors.replay._sources import Source
from nilometer_logger.terminal import printable

_MOST_NAMED = 5
_MANY_LATE = 0.01


def notes(
    monitors: Sequence[CompiledMonitor], source: Source, replay: Replay, account: Account, *, complete: bool
) -> list[str]:
    """Gives the lines.

    Args:
        monitors: that ran.
        source: what was read.
        replay: what ran them.
        account: what was found.
        complete: whether the input was read to its end.
    """
    lines = [*source.told(), *_counted(replay, account)]
    if not complete:
        lines.append("the replay was interrupted: what follows in the input was not read")
    lines += _windows(source, replay, account)
    for unused in (source.unused, replay.unused):
        lines += _left_out(unused)
    lines += _silent(monitors, replay, account)
    if replay.reconfigured:
        lines.append(
            f"the log says {replay.reconfigured} times that others run than these monitors: passed over, since these run "
            "over the whole span; with --configured it decides"
        )
    return [printable(line) for line in lines]


def _counted(replay: Replay, account: Account) -> Iterator[str]:
    for about, windows in account.windows.items():
        drifting = account.drifting[about]
        share = f", {drifting} with drift" if drifting else ", none with drift"
        yield f"{about.monitor} over {about.stream.strip('/')}: {windows} windows{share}, {account.rows[about]} rows in them"
    told = {
        "events had come before (duplicates)": sum(each.duplicates for each in replay.counters()),
        "events had no time that can be read, and took their arrival's": sum(
            each.untimed for each in replay.counters()
        ),
        "requests of closed windows had no response": account.unanswered,
    }
    yield from (f"{count} {what}" for what, count in told.items() if count)
    late, rows = (sum(getattr(each, name) for each in replay.counters()) for name in ("late", "rows"))
    if late:
        help_ = "; a longer windows.watermarkDelay would have waited for them" if late > _MANY_LATE * rows else ""
        yield f"{late} times a row came after its window had closed (late){help_}"


def _windows(source: Source, replay: Replay, account: Account) -> Iterator[str]:
    if source.is_whole:
        if account.drained:
            last = "the last one" if account.drained == 1 else f"the last {account.drained}"
            yield (
                f"a file has no arrival times: windows closed when the watermark passed them, and {last} at the file's "
                "end (drained); what it cuts off is partial, and not judged"
            )
        return
    if still := sum(each.open_windows for each in replay.counters()):
        yield f"{still} windows, or parts of some, were open at the end of the span, and give no finding"


def _left_out(unused: Unused) -> Iterator[str]:
    if unused.count:
        yield f"{unused.count} could not be used:"
        yield from (f"  {line}" for line in unused.lines())


def _silent(monitors: Sequence[CompiledMonitor], replay: Replay, account: Account) -> Iterator[str]:
    heard = {about.monitor for about in account.windows}
    for monitor in monitors:
        if monitor.name not in heard:
            yield f"{monitor.name} found nothing: no window of {str(monitor.stream).strip('/')} closed"
    if unwatched := replay.unwatched():
        named = ", ".join(stream.strip("/") for stream in unwatched[:_MOST_NAMED])
        more = ", …" if len(unwatched) > _MOST_NAMED else ""
        yield f"no monitor of these watches {named}{more}"
