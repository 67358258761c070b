"""The pace of questions: so many in any window, a hold for all, one pace a key."""

from vlm_backends import NVIDIA, CancelToken, Embedded
from vlm_backends.annotate.runner import rate_limit_for
from vlm_backends.ratelimit import SlidingWindow

KEY = "nvapi-canary-0123456789"


class Clock:
    """Seconds that pass only when somebody waits for them."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Patient(CancelToken):
    """Waits by moving the clock."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.waited = clock, []

    def wait(self, seconds):
        self.waited.append(round(seconds, 6))
        self.clock.now += seconds
        return self.is_set()


def test_no_more_than_so_many_in_any_window():
    clock = Clock()
    window, stop, begun = SlidingWindow(3, 10, clock), Patient(clock), []
    for _ in range(10):
        assert window.turn(stop)
        begun.append(clock.now)
        clock.now += 1
    assert all(later - earlier >= 10 for earlier, later in zip(begun, begun[3:]))
    assert begun[:3] == [100, 101, 102] and begun[3] == 110, "nobody waits longer than needed"


def test_a_hold_is_for_all_and_a_stop_ends_the_wait():
    clock = Clock()
    window, stop = SlidingWindow(None, 60, clock), Patient(clock)
    window.hold(7)
    assert window.retry_after() == 7 and window.turn(stop) and stop.waited == [7]
    stopped = CancelToken()
    stopped.set()
    window.hold(1000)
    assert not window.turn(stopped)


def test_a_key_has_one_pace_wherever_it_is_used_and_keeps_to_the_hosts_limit():
    (one, parallel), (other, _) = rate_limit_for(NVIDIA(KEY)), rate_limit_for(NVIDIA(KEY))
    assert one is other and one is not rate_limit_for(NVIDIA("another"))[0] and parallel > 1
    assert (one.requests, one.seconds) == (40, 60) and KEY not in repr(vars(one))
    assert rate_limit_for(Embedded())[0].requests is None and rate_limit_for(Embedded())[1] == 1
