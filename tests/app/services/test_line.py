"""The line before the model: order, limits, and what a waiting visitor reads."""

import pytest

from app.services.line import IN_ALL, PER_ADDRESS, PER_VISITOR, Caller, Line, Waiting, enqueued, refusal


def served(arrivals: str) -> str:
    """The order in which calls are served that arrive as "A1 A1 B2": address and session of each."""
    waiting: list[tuple[str, int]] = []
    for number, name in enumerate(arrivals.split()):
        waiting = enqueued(waiting, (name, number), lambda call: Caller(call[0], call[0][0]))
    return " ".join(name for name, _ in waiting)


@pytest.mark.parametrize(
    ("arrivals", "order"),
    [
        ("A1 A2 A3 A4", "A1 A2 A3 A4"),  # one address, as behind a proxy: in the order of arrival
        ("A1 B1 C1", "A1 B1 C1"),
        ("A1 A1 A1 A2 A3", "A1 A2 A3 A1 A1"),  # further calls of a visitor are behind everybody's first
        ("A1 A2 A3 B1", "A1 B1 A2 A3"),  # sessions are chosen by clients, addresses are not
        ("A1 A2 A3 B1 B2 A1", "A1 B1 A2 B2 A3 A1"),
    ],
)
def test_every_address_and_every_visitor_has_one_place_per_round(arrivals, order):
    assert served(arrivals) == order


def test_calls_keep_their_order_when_some_are_served_or_given_up():
    def caller_of(call):
        return Caller(call, call[0])

    waiting = ["B1", "A2", "B2", "A3"]  # A1 is being served
    assert enqueued(waiting, "C1", caller_of) == ["B1", "A2", "C1", "B2", "A3"]
    assert enqueued(["A3"], "B9", caller_of) == ["A3", "B9"]


def test_too_many_calls_are_refused_with_a_sentence():
    mine = [Caller("me", "1")] * (PER_VISITOR - 1)
    assert not refusal(mine, Caller("me", "1"))
    assert f"{PER_VISITOR} of your calls are waiting" in refusal([*mine, mine[0]], Caller("me", "1"))
    assert not refusal([*mine, mine[0]], Caller("you", "1"))
    many = [Caller(str(number), "1") for number in range(PER_ADDRESS)]
    assert "from your address" in refusal(many, Caller("new", "1")) and not refusal(many, Caller("new", "2"))
    everybody = [Caller(str(number), str(number)) for number in range(IN_ALL)]
    assert f"{IN_ALL} calls are waiting already. Try again" in refusal(everybody, Caller("new", "2000"))


def test_a_visitor_reads_the_place_of_the_next_call():
    line = Line()
    assert line.place("me") is None
    line.note("me", Waiting(1, 12))
    line.note("me", Waiting(4, 60))
    assert str(line.place("me")) == "Waiting: 1 call is before yours, about 15 s."
    assert str(Waiting(3)) == "Waiting: 3 calls are before yours."
    assert str(Waiting(30, 301)) == "Waiting: 30 calls are before yours, about 6 min."
    line.clear()
    assert line.place("me") is None
