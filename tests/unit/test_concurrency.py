"""Cancellation, the waiting line, and iterators that cross threads."""

import asyncio
import threading
import time

import pytest

from tests.support.async_tools import finished
from vlm_backends import Unreachable
from vlm_backends.concurrency import (
    CancelToken,
    WaitingLine,
    active_readers,
    iterate_in_thread,
    iterate_pushed,
    latest_items,
    run_with_progress,
)


class TestCancelToken:
    def test_callbacks_run_once_and_late_ones_at_once(self):
        token, calls = CancelToken(), []
        token.add_callback(lambda: calls.append("early"))
        forget = token.add_callback(lambda: calls.append("taken back"))
        forget()
        forget()  # twice does no harm
        token.set()
        token.set()
        token.add_callback(lambda: calls.append("late"))
        assert calls == ["early", "late"] and token.is_set() and token.wait(0)

    def test_waiting_ends_with_the_cancellation(self):
        token, woken = CancelToken(), threading.Event()
        threading.Thread(target=lambda: token.wait(3600) and woken.set(), daemon=True).start()
        assert not token.wait(0.01) and not woken.is_set()
        token.set()
        assert woken.wait(30)


class TestWaitingLine:
    def test_the_second_caller_learns_its_place_and_goes_on_when_the_first_leaves(self):
        line, here = WaitingLine(), CancelToken()
        with line.place(here) as first:
            assert list(first) == []
            with line.place(here) as second:
                assert next(second) == 1
        with line.place(here) as again:
            assert list(again) == []

    def test_a_cancelled_caller_does_not_wait(self):
        line, here, gone = WaitingLine(), CancelToken(), CancelToken()
        gone.set()
        with line.place(here), line.place(gone) as place:
            assert list(place) == []


class TestIterateInThread:
    def test_items_come_in_order_and_at_once(self):
        released = threading.Event()

        def produce():
            yield 1
            released.wait(30)
            yield 2

        items = iterate_in_thread(produce, CancelToken())
        assert next(items) == 1  # while the producer still holds the second
        released.set()
        assert list(items) == [2]

    def test_an_error_is_raised_at_its_place(self):
        def produce():
            yield 1
            raise KeyError("lost")

        items = iterate_in_thread(produce, CancelToken())
        assert next(items) == 1
        with pytest.raises(KeyError, match="lost"):
            next(items)

    def test_cancelling_ends_it_though_the_producer_hangs(self):
        token, released = CancelToken(), threading.Event()

        def produce():
            yield 1
            released.wait(30)

        items = iterate_in_thread(produce, token)
        assert next(items) == 1
        token.set()
        assert list(items) == []
        released.set()

    def test_leaving_early_stops_the_producer_and_join_waits_for_it(self):
        made = []

        def produce():
            for i in range(1000):
                made.append(i)
                time.sleep(0.01)
                yield i

        items = iterate_in_thread(produce, CancelToken(), name="joined", join=True)
        assert next(items) == 0
        items.close()
        assert len(made) < 900
        assert "joined" not in {thread.name for thread in threading.enumerate()}


class TestIteratePushed:
    def test_what_is_pushed_is_yielded_at_once_and_errors_are_raised(self):
        released = threading.Event()

        def work(push, is_over):
            push(1)
            released.wait(30)
            assert not is_over()
            raise KeyError("lost")

        items = iterate_pushed(work, CancelToken())
        assert next(items) == 1
        released.set()
        with pytest.raises(KeyError, match="lost"):
            next(items)

    @pytest.mark.parametrize("end", ["leave", "cancel"])
    def test_the_work_learns_that_nobody_wants_more(self, end):
        token = CancelToken()

        def work(push, is_over):
            while not is_over():
                push("more")
                time.sleep(0.01)

        items = iterate_pushed(work, token, name="pushing", join=True)
        assert next(items) == "more"
        if end == "cancel":
            token.set()
        items.close()
        assert "pushing" not in {thread.name for thread in threading.enumerate()}


class TestRunWithProgress:
    def run(self, work, token=None, enough=None):
        seconds, steps = [], run_with_progress(work, token or CancelToken(), tick=0.01)
        while True:
            try:
                seconds.append(next(steps))
                if enough and len(seconds) > 1:
                    enough.set()
            except StopIteration as end:
                return seconds, end.value

    def test_it_tells_the_seconds_and_returns_the_result(self):
        told = threading.Event()
        seconds, result = self.run(lambda: told.wait(30) and "done", enough=told)
        assert result == "done" and seconds == sorted(seconds) and len(seconds) > 1

    def test_an_error_of_the_work_is_raised(self):
        with pytest.raises(ZeroDivisionError):
            self.run(lambda: 1 // 0)

    def test_cancelled_it_returns_none_and_lets_the_work_end_by_itself(self):
        token, released = CancelToken(), threading.Event()
        token.set()
        assert self.run(lambda: released.wait(30), token)[1] is None
        released.set()


class TestLatestItems:
    def collect(self, produce, token, pause=0.01, most=None):
        async def run():
            found = []
            async for item in latest_items(produce, token, pause):
                found.append(item)
                if most and len(found) == most:
                    break
            return found

        return finished(run())

    def test_the_first_and_the_last_item_are_never_lost(self):
        found = self.collect(lambda: iter(range(10_000)), CancelToken())
        assert found[-1] == 9_999 and found == sorted(found)

    def test_nothing_comes_of_nothing(self):
        assert self.collect(lambda: iter(()), CancelToken()) == []

    def test_errors_come_after_what_arrived(self):
        def produce():
            yield 1
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            self.collect(produce, CancelToken())

    def test_leaving_it_cancels_the_call(self):
        token, released = CancelToken(), threading.Event()

        def produce():
            yield 1
            released.wait(30)
            yield 2

        async def run():
            items = latest_items(produce, token)
            assert await anext(items) == 1
            assert active_readers()
            await items.aclose()

        finished(run())
        assert token.is_set()
        released.set()


def test_the_pump_gives_the_first_at_once_and_the_last_always():
    first_shown = threading.Event()

    def items():
        yield 0
        assert first_shown.wait(30)
        for i in range(1, 200):
            yield i
            time.sleep(0.001)

    async def run():
        seen = []
        async for item in latest_items(items, CancelToken(), pause=3600):
            seen.append(item)
            first_shown.set()
        return seen

    seen = finished(run())
    assert seen[0] == 0 and seen[-1] == 199 and len(seen) < 10


def test_the_pump_raises_after_what_had_come():
    def items():
        yield "words"
        raise Unreachable("cut")

    async def run():
        seen = []
        with pytest.raises(Unreachable):
            async for item in latest_items(items, CancelToken(), pause=0):
                seen.append(item)
        return seen

    assert finished(run()) == ["words"]


def test_leaving_the_pump_early_stops_the_reader():
    stop, ended = CancelToken(), threading.Event()

    def items():
        try:
            yield 1
            stop.wait(10)
            yield 2
        finally:
            ended.set()

    async def run():
        arriving = latest_items(items, stop)
        assert await anext(arriving) == 1
        await arriving.aclose()

    finished(run())
    assert stop.is_set() and ended.wait(30)


def test_cancelling_a_handler_stops_the_reader_at_once():
    stop, released = CancelToken(), threading.Event()
    reading, waited = threading.Event(), []

    def items():
        reading.set()
        waited.append(released.wait(30))
        yield 1

    async def run():
        task = asyncio.ensure_future(anext(latest_items(items, stop)))
        while not reading.is_set():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    finished(run())
    assert stop.is_set() and not waited, "the handler ends while its reader hangs"
    released.set()


def test_a_line_with_seats_lets_the_first_in_and_counts_the_others():
    line, stop = WaitingLine(seats=2), CancelToken()
    with line.place(stop) as first, line.place(stop) as second:
        assert not list(first) and not list(second)
        with line.place(stop) as third, line.place(stop) as fourth:
            assert (next(third), next(fourth)) == (1, 2)
    with line.place(stop) as next_one:
        assert not list(next_one)


def test_the_line_is_first_come_first_served():
    queue, order, stop = WaitingLine(), [], CancelToken()
    everyone, in_line = threading.Event(), threading.Semaphore(0)

    def visit(i):
        with queue.place(stop) as place:
            in_line.release()
            list(place)
            order.append(i)
            assert everyone.wait(30)

    threads = [threading.Thread(target=visit, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
        assert in_line.acquire(timeout=30)
    everyone.set()
    [thread.join() for thread in threads]
    assert order == list(range(6))


def test_whoever_stops_leaves_the_line():
    queue, stop = WaitingLine(), CancelToken()
    with queue.place(CancelToken()), queue.place(stop) as second:
        assert next(second) == 1
        stop.set()
        assert list(second) == []
    with queue.place(CancelToken()) as third:
        assert list(third) == []
