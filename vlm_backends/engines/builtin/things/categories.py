"""Name the 80 kinds of things of the detector in the house, and find kinds in a person's words."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

# By the number of the network's class (COCO's); the gaps are classes that COCO never used.
_NUMBERED = (
    "1:person,2:bicycle,3:car,4:motorcycle,5:airplane,6:bus,7:train,8:truck,9:boat,"
    "10:traffic light,11:fire hydrant,13:stop sign,14:parking meter,15:bench,16:bird,"
    "17:cat,18:dog,19:horse,20:sheep,21:cow,22:elephant,23:bear,24:zebra,25:giraffe,"
    "27:backpack,28:umbrella,31:handbag,32:tie,33:suitcase,34:frisbee,35:skis,"
    "36:snowboard,37:sports ball,38:kite,39:baseball bat,40:baseball glove,"
    "41:skateboard,42:surfboard,43:tennis racket,44:bottle,46:wine glass,47:cup,"
    "48:fork,49:knife,50:spoon,51:bowl,52:banana,53:apple,54:sandwich,55:orange,"
    "56:broccoli,57:carrot,58:hot dog,59:pizza,60:donut,61:cake,62:chair,63:couch,"
    "64:potted plant,65:bed,67:dining table,70:toilet,72:tv,73:laptop,74:mouse,"
    "75:remote,76:keyboard,77:cell phone,78:microwave,79:oven,80:toaster,81:sink,"
    "82:refrigerator,84:book,85:clock,86:vase,87:scissors,88:teddy bear,"
    "89:hair drier,90:toothbrush"
)
NAMES: Mapping[int, str] = {
    int(number): name for number, name in re.findall(r"(\d+):([^,]+)", _NUMBERED)
}
PERSON = "person"
_ANIMALS = "bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe"
_VEHICLES = "bicycle,car,motorcycle,airplane,bus,train,truck,boat"
_FRUIT = "banana,apple,orange"
_FOOD = f"{_FRUIT},sandwich,broccoli,carrot,hot dog,pizza,donut,cake"
_PEOPLE_WORDS = (
    "people,man,men,woman,women,boy,girl,child,children,kid,baby,human,guy,lady,gentleman,"
    "gentlemen,someone,somebody,anyone,anybody,adult,pedestrian,tourist,passenger,face"
)
# other words for one kind or several
_SYNONYMS: Mapping[str, str] = {
    **dict.fromkeys(_PEOPLE_WORDS.split(","), PERSON),
    "bike": "bicycle",
    "cycle": "bicycle",
    "automobile": "car",
    "taxi": "car",
    "cab": "car",
    "motorbike": "motorcycle",
    "scooter": "motorcycle",
    "plane": "airplane",
    "aeroplane": "airplane",
    "aircraft": "airplane",
    "jet": "airplane",
    "lorry": "truck",
    "lorries": "truck",
    "ship": "boat",
    "sailboat": "boat",
    "hydrant": "fire hydrant",
    "kitten": "cat",
    "puppy": "dog",
    "puppies": "dog",
    "pony": "horse",
    "ponies": "horse",
    "lamb": "sheep",
    "rucksack": "backpack",
    "purse": "handbag",
    "bag": "handbag,backpack,suitcase",
    "luggage": "suitcase,backpack",
    "necktie": "tie",
    "ski": "skis",
    "ball": "sports ball",
    "football": "sports ball",
    "racket": "tennis racket",
    "racquet": "tennis racket",
    "wineglass": "wine glass",
    "glass": "wine glass,cup",
    "mug": "cup",
    "teacup": "cup",
    "knives": "knife",
    "cutlery": "fork,knife,spoon",
    "doughnut": "donut",
    "sofa": "couch",
    "plant": "potted plant",
    "houseplant": "potted plant",
    "table": "dining table",
    "desk": "dining table",
    "television": "tv",
    "monitor": "tv",
    "screen": "tv,laptop,cell phone",
    "computer": "laptop,tv",
    "notebook": "laptop,book",
    "telephone": "cell phone",
    "phone": "cell phone",
    "smartphone": "cell phone",
    "mobile": "cell phone",
    "fridge": "refrigerator",
    "hairdryer": "hair drier",
    "hair dryer": "hair drier",
    "watch": "clock",
    "remote control": "remote",
    "computer mouse": "mouse",
    "animal": _ANIMALS,
    "pet": "cat,dog,bird",
    "vehicle": _VEHICLES,
    "fruit": _FRUIT,
    "food": _FOOD,
    "furniture": "chair,couch,bed,dining table,bench",
}
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_MOST_WORDS = 2  # in a synonym; a kind of the owner's own detector may have more
_SHORT = 4  # letters: "bed" and "ring" are no forms of verbs
# A known noun before any other word is a part of a compound: "cat food" is no cat.
_MAY_FOLLOW_TEXT = (
    "a about above across after all along am among and are around as at away be before behind "
    "below beneath beside besides between beyond both but by can close did do does down during "
    "each every far for from front had has have he her here his how if in inside into is it its "
    "like looks many more most my near nearest next no not now of off on one only onto opposite or "
    "our out outside over past please she some than that the their them then there these they "
    "this those through to together toward towards under underneath until up upon very was were "
    "what when where which while who whose will with within without you your left right leftmost "
    "rightmost middle centre center top bottom alone itself visible present shown "
    "sits sit lies lie stands stand runs run walks walk sleeps sleep wears wear holds hold rides "
    "ride eats eat drinks drink plays play looks look"
)
_MAY_FOLLOW = frozenset(_MAY_FOLLOW_TEXT.split())
# words that say more than the kind that is found for them
_NARROWER_TEXT = (
    "man,men,woman,women,boy,girl,child,children,kid,baby,guy,lady,gentleman,gentlemen,adult,"
    "pedestrian,tourist,passenger,face,taxi,cab,scooter,jet,sailboat,kitten,puppy,puppies,pony,"
    "ponies,lamb,football,teacup,houseplant,desk,smartphone,watch,pet"
)
_NARROWER = frozenset(_NARROWER_TEXT.split(","))
_ONE_OR_MORE = frozenset({"sheep", "cutlery", "luggage", "furniture", "fruit", "food"})
_PLURALS = {PERSON: "people", "knife": "knives", "mouse": "mice", "couch": "couches"}
_OTHER_PLURALS = frozenset({*_PLURALS.values(), "men", "women", "children", "gentlemen"})


@dataclass(frozen=True)
class Mention:
    """A noun of a text, from `start` to `end`, and the kinds of things that it may mean."""

    text: str
    start: int
    end: int
    kinds: tuple[str, ...]

    @property
    def is_narrower(self) -> bool:
        """Return True for a word such as "woman" or "kitten", which says more than the kind."""
        word = self.text.lower()
        return word in _NARROWER or any(form in _NARROWER for form in _singulars(word))

    @property
    def is_name(self) -> bool:
        """Return True for the kind's own name, in singular or plural."""
        names = {_plain(kind) for kind in self.kinds}
        words = _plain(self.text)
        return not names.isdisjoint((words, *_singulars(words))) or (
            words in (plural(name, 2) for name in names)
        )

    @property
    def is_plural(self) -> bool:
        """Return True for a word that means several, or may do so, such as "sheep" and "fruit"."""
        words = _plain(self.text)
        if words in _OTHER_PLURALS or self.is_number_open:
            return True
        is_singular = words.endswith("ss") or words in map(_plain, self.kinds)
        return words.endswith("s") and not is_singular

    @property
    def is_number_open(self) -> bool:
        """Return True for a word that means one thing or several, such as "sheep" and "fruit"."""
        return self.text.lower() in _ONE_OR_MORE


def mentions(text: str, known: tuple[str, ...]) -> list[Mention]:
    """Return the nouns of a text that name known kinds of things, in their order.

    Singular and plural, synonyms, and words for groups ("animals") are known. The first noun of a
    compound ("cat food") is none.
    """
    words = list(_WORD.finditer(text))
    longest = max([_MOST_WORDS, *(name.count(" ") + 1 for name in _by_plain_name(known))])
    found: list[Mention] = []
    i = 0
    while i < len(words):
        for n in range(min(longest, len(words) - i), 0, -1):
            start, end = words[i].start(), words[i + n - 1].end()
            kinds = kinds_of(text[start:end], known)
            if kinds and not _goes_on(text, words, i + n):
                found.append(Mention(text[start:end], start, end, kinds))
                i += n
                break
        else:
            i += 1
    return found


def kinds_of(noun: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the known kinds that one noun means, in any case, number and punctuation."""
    words, named = _plain(noun), _by_plain_name(known)
    for form in (words, *_singulars(words)):
        if own := named.get(form):
            return own
        if kinds := tuple(kind for name in _KINDS.get(form, ()) for kind in named.get(name, ())):
            return kinds
    return ()


def plural(name: str, count: int) -> str:
    """Return a kind's name as it stands after a number: "1 person", "2 people", "3 knives"."""
    if count == 1 or name in ("sheep", "skis", "scissors", "broccoli"):
        return name
    if name in _PLURALS:
        return _PLURALS[name]
    if re.search("[^aeiou]y$", name):
        return f"{name[:-1]}ies"
    return name + ("es" if re.search(r"(?:s|x|ch|sh)$", name) else "s")


def _goes_on(text: str, words: list[re.Match[str]], i: int) -> bool:
    """Return True when the next word makes a compound with the words before it."""
    if i >= len(words) or not text[words[i - 1].end() : words[i].start()].isspace():
        return False
    follower = words[i][0].lower()
    is_verb = len(follower) > _SHORT and follower.endswith(("ing", "ed", "ly"))
    return follower not in _MAY_FOLLOW and not is_verb and not follower[0].isdigit()


def _plain(name: str) -> str:
    """Return the words of a name in lower case: "Traffic_light" and "traffic light" are one."""
    return " ".join(word.lower() for word in _WORD.findall(name))


@lru_cache(maxsize=4)
def _by_plain_name(known: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """Return kinds by their words, without those that have none."""
    named: dict[str, tuple[str, ...]] = {}
    for kind in known:
        if name := _plain(kind):
            named[name] = (*named.get(name, ()), kind)
    return named


def _singulars(words: str) -> Iterator[str]:
    if words.endswith("ies"):
        yield f"{words[:-3]}y"
    if words.endswith("es"):
        yield words[:-2]
    if words.endswith("s") and not words.endswith("ss"):
        yield words[:-1]


_KINDS: Mapping[str, tuple[str, ...]] = {
    **{word: tuple(kinds.split(",")) for word, kinds in _SYNONYMS.items()},
    **{name: (name,) for name in NAMES.values()},
    "mice": ("mouse",),
}
