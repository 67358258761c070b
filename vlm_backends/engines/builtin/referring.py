"""Choose which of the things found a person's phrase means; never silently where several fit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vlm_backends.engines.builtin import things
from vlm_backends.engines.builtin.nouns import looked_for
from vlm_backends.engines.builtin.phrases import Phrase
from vlm_backends.engines.builtin.things import Mention, Thing

_OF_COLOUR, _OTHER_COLOUR = 0.3, 0.1  # of a thing's pixels: it has the colour, it has not
_LEVEL = 0.05  # of the picture: nearer than that, two things are at the same place
ColourShare = Callable[[Thing, str], float]  # a thing and a colour's name to a share of its pixels


@dataclass(frozen=True)
class Choice:
    """The things that a phrase means, and what a person should know of how it was taken."""

    things: tuple[Thing, ...]
    remarks: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()


def choose(
    found: Sequence[Thing], phrase: Phrase, colour_share: ColourShare | None = None
) -> Choice:
    """Choose among the things found in a picture what the phrase means.

    `colour_share` measures colours; without it they are not taken into account.
    """
    fitting = [thing for thing in found if thing.name in phrase.noun.kinds]
    remarks, unknown = list(looked_for([phrase.noun])), list(phrase.unknown)
    phrase, ignored = _without_clashes(phrase)
    unknown += ignored
    if not fitting:
        return Choice((), (*remarks, f"No {_named(phrase.noun)} was found."), tuple(unknown))
    whole = len(fitting)
    for colour in phrase.colours:
        kept = _of_colour(fitting, colour, colour_share)
        if kept is None:
            unknown.append(colour)
        elif len(kept) < len(fitting) or whole == 1:
            remarks.append(f"Colour measured: {_number(kept)} {colour}, of {_number(fitting)}.")
        fitting = fitting if kept is None else kept
    if phrase.beside:
        fitting = _related(fitting, found, phrase, remarks, unknown)
    chosen = _many(fitting, phrase, remarks) if phrase.is_plural else _one(fitting, phrase, remarks)
    return Choice(tuple(chosen), tuple(remarks), tuple(unknown))


def _without_clashes(phrase: Phrase) -> tuple[Phrase, list[str]]:
    """Return the phrase with what one order can take into account, and the words left out.

    A side orders things, so a size beside it cannot; the middle orders them without other sides.
    """
    ignored: list[str] = []
    if "middle" in phrase.sides and len(phrase.sides) > 1:
        ignored += [side for side in phrase.sides if side != "middle"]
        phrase = replace(phrase, sides=("middle",))
    if phrase.sides and phrase.size:
        ignored.append(phrase.size)
        phrase = replace(phrase, size="")
    return phrase, ignored


def _many(fitting: list[Thing], phrase: Phrase, remarks: list[str]) -> list[Thing]:
    """Return all that fit; of a side, those in that half of the picture."""
    for side in phrase.sides:
        fitting = [thing for thing in fitting if _is_at(thing, side)]
    if phrase.sides:
        half = " ".join(phrase.sides)
        remarks.append(f"{_number(fitting)} with the middle in the {half} of the picture.")
    if phrase.size or phrase.rank:
        said = phrase.size or "the rank"
        remarks.append(f"Which of several are meant by {said} cannot be told: all are taken.")
    if phrase.count and len(fitting) != phrase.count:
        remarks.append(f"{phrase.count} were asked for, {len(fitting)} found.")
    return fitting


def _one(fitting: list[Thing], phrase: Phrase, remarks: list[str]) -> list[Thing]:
    """Return the one that is meant."""
    if len(fitting) == 1:
        if phrase.sides or phrase.size or phrase.rank:
            remarks.append(f"Only {_number(fitting)} fits.")
        return fitting if abs(phrase.rank) <= 1 else []
    if not fitting:
        return []
    said = [*phrase.sides, *filter(None, [phrase.size])]
    order = _ordered(fitting, phrase.sides, phrase.size)
    if not said:
        kind = "the largest"
        if phrase.rank:
            order, kind = sorted(fitting, key=_x), "counted from the left"
        remarks.append(f"{_number(fitting)} were found; this is {kind}.")
    rank = phrase.rank or 1
    if rank > len(order):
        remarks.append(f"There are only {_number(fitting)}.")
        return []
    if len(phrase.sides) == 1 and phrase.rank == 0 and not phrase.size:
        _warn_if_level(order, phrase.sides[0], remarks)
    return [order[rank - 1 if rank > 0 else -1]]


def _ordered(fitting: Sequence[Thing], sides: Sequence[str], size: str) -> list[Thing]:
    """Return the things in the order that the words say: the one that is meant first."""
    if "middle" in sides:
        middle = _median(fitting)
        return sorted(fitting, key=lambda thing: abs(_x(thing) - middle))
    if sides:
        return sorted(fitting, key=lambda thing: sum(_towards(thing, side) for side in sides))
    if size == "smallest":
        return sorted(fitting, key=lambda thing: things.box_area(thing.box))
    if size == "tallest":
        return sorted(fitting, key=lambda thing: thing.box[1] - thing.box[3])
    return sorted(fitting, key=lambda thing: -things.box_area(thing.box))


def _related(
    fitting: list[Thing],
    found: Sequence[Thing],
    phrase: Phrase,
    remarks: list[str],
    unknown: list[str],
) -> list[Thing]:
    """Return those of the things that stand as the phrase says beside the one other thing."""
    assert phrase.beside
    others = [thing for thing in found if thing.name in phrase.beside.kinds]
    if len(others) != 1:
        where = {"near": "next to"}.get(phrase.relation, phrase.relation)
        unknown.append(f"{where} the {phrase.beside.text}")
        count = f"{_number(others)} were found" if others else "none was found"
        remarks.append(f"Which {phrase.beside.text} is meant cannot be told: {count}.")
        return fitting
    other = others[0]
    able = [thing for thing in fitting if thing != other and _stands(thing, other, phrase.relation)]
    if not able:
        remarks.append(f"No {_named(phrase.noun)} stands so beside the {phrase.beside.text}.")
    elif len(able) > 1 and not (phrase.is_plural or phrase.sides or phrase.size or phrase.rank):
        remarks.append(f"{_number(able)} fit; this is the nearest to the {phrase.beside.text}.")
        return [min(able, key=lambda thing: _distance(thing, other))]
    elif phrase.relation == "near" and phrase.is_plural:
        remarks.append("How near is near cannot be told: all are taken.")
    return able


def _stands(thing: Thing, other: Thing, relation: str) -> bool:
    if relation == "left":
        return _x(thing) < _x(other)
    if relation == "right":
        return _x(thing) > _x(other)
    if relation == "above":
        return _y(thing) < _y(other)
    return _y(thing) > _y(other) if relation == "below" else True


def _of_colour(
    fitting: list[Thing], colour: str, colour_share: ColourShare | None
) -> list[Thing] | None:
    """Return the things of the colour; None when it cannot be told of each."""
    if colour_share is None:
        return None
    shares = [colour_share(thing, colour) for thing in fitting]
    if any(_OTHER_COLOUR < share < _OF_COLOUR for share in shares):
        return None
    kept = [thing for thing, share in zip(fitting, shares) if share >= _OF_COLOUR]
    return kept or None


def _warn_if_level(order: Sequence[Thing], side: str, remarks: list[str]) -> None:
    """Say when the next one is as far to the side as the first."""
    if side != "middle" and _towards(order[1], side) - _towards(order[0], side) < _LEVEL:
        remarks.append(f"Another {order[1].name} is about as far to the {side}.")


def _is_at(thing: Thing, side: str) -> bool:
    if side == "middle":
        return 1 / 3 <= _x(thing) <= 2 / 3
    at = _x(thing) if side in ("left", "right") else _y(thing)
    return at < 0.5 if side in ("left", "top") else at >= 0.5


def _towards(thing: Thing, side: str) -> float:
    """Return how far a thing's middle is from a side of the picture, 0..1."""
    at = _x(thing) if side in ("left", "right") else _y(thing)
    return at if side in ("left", "top") else 1 - at


def _x(thing: Thing) -> float:
    return (thing.box[0] + thing.box[2]) / 2


def _y(thing: Thing) -> float:
    return (thing.box[1] + thing.box[3]) / 2


def _median(fitting: Sequence[Thing]) -> float:
    xs = sorted(_x(thing) for thing in fitting)
    return xs[len(xs) // 2] if len(xs) % 2 else 0.5


def _distance(thing: Thing, other: Thing) -> float:
    """Return how far two boxes are apart; those that overlap, by their middles, count below 0."""
    wide = max(thing.box[0], other.box[0]) - min(thing.box[2], other.box[2])
    high = max(thing.box[1], other.box[1]) - min(thing.box[3], other.box[3])
    if wide <= 0 and high <= 0:
        return abs(_x(thing) - _x(other)) + abs(_y(thing) - _y(other)) - 2
    return max(wide, 0.0) + max(high, 0.0)


def _number(fitting: Sequence[Thing]) -> str:
    """Return a number of things with their name, such as "3 horses"."""
    names = {thing.name for thing in fitting}
    name = names.pop() if len(names) == 1 else "thing"
    return f"{len(fitting)} {things.plural(name, len(fitting))}"


def _named(noun: Mention) -> str:
    return noun.kinds[0] if len(noun.kinds) == 1 else noun.text
