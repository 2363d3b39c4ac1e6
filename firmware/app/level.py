"""The level sensor: measure often, report rarely. One call is one wake; it never sleeps."""

from firmware.app.console import say
from firmware.app.delivery import deliver
from firmware.app.node import Node
from firmware.core import level, measured, reporting, tracker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.app.ports import Link, Radio, Scale


def wake(node: Node, scale: "Scale", radio: "Radio", link: "Link") -> int:
    """Measure, record what is worth a report, deliver what is due.

    Returns:
        Seconds until the next wake.
    """
    device, state, clock = node.device, node.state, node.clock
    counts = scale.burst(level.SAMPLES)
    resolution_g = scale.resolution_g(device.counts_per_kg)
    burst = level.judge(counts, device.zero, device.counts_per_kg, device.capacity_g, resolution_g)
    reading = tracker.track(state, burst, resolution_g, clock.now_s())
    reason = reporting.report_reason(state, reading, node.settings.values, clock.now_s())
    say("level", n=reading.grams, q=reading.quality, why=reason, step=reading.step_mg // 1000)
    # Noted before the hello, so that the hello promises the right next message.
    reporting.note_reading(state, reading, node.settings.values, clock.now_s(), bool(reason))
    if reason:
        node.record("level", measured.level(reading.grams, reading.quality))
    node.record_hello_if_due()
    node.keep()
    if node.pending() and clock.now_s() >= state.retry_at_s:
        deliver(node, radio, link)
    node.settle()
    sleep_s = reporting.next_measure_s(state, node.settings.values, clock.now_s())
    if node.pending():
        sleep_s = min(sleep_s, state.retry_at_s - clock.now_s())
    return max(1, sleep_s)
