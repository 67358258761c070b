"""Draw lots for what a bar chart shows: names, series, values and how they are arranged."""

import random
from dataclasses import dataclass, field

ORDINARY = (
    "vertical",
    "horizontal",
    "grouped",
    "grouped horizontal",
    "stacked",
    "stacked horizontal",
    "highlighted",
    "coloured",
    "rotated labels",
    "long labels",
    "value labels",
    "percent",
    "negative",
    "negative horizontal",
    "grouped negative",
    "edges",
    "thousands",
)
PLACES = (
    "North South East West Paris Oslo Lima Quito Cairo Tokyo Rome Perth Berlin Madrid Nairobi "
    "Sydney Toronto Chicago Dallas Mumbai Seoul Bergen Lisbon Vienna Prague Dublin"
).split()
THINGS = (
    "Apples Pears Kiwis Plums Bread Milk Coffee Tea Bus Tram Bike Walk Coal Gas Nuclear Water "
    "Solar Wind Housing Food Transport Health Clothing Books Games Music Rent Energy"
).split()
PEOPLE = "Ana Ben Cleo Dan Eva Finn Gina Hugo Ines Jack Kira Liam Mia Noah Olga Paul".split()
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
DAYS = "Mon Tue Wed Thu Fri Sat Sun".split()
LONG = (
    "Customer support|Research and development|Human resources|Public relations|"
    "Information technology|Legal department|Sales and marketing|Facility management|"
    "Product design|Quality assurance|Supply chain|Internal audit|Training centre|"
    "New York|San Francisco|Buenos Aires|Cape Town|Hong Kong|United Kingdom|South Korea|"
    "Fresh fruit|Dairy products|Frozen meals|Soft drinks|Household goods"
).split("|")
SERIES = (
    ("2023", "2024"),
    ("2021", "2022", "2023"),
    ("Plan", "Actual"),
    ("Men", "Women"),
    ("Online", "In store"),
    ("Solar", "Wind", "Hydro"),
    ("Product A", "Product B", "Product C"),
    ("Europe", "Asia", "Africa", "America"),
    ("Agree", "Neutral", "Disagree"),
    ("Income", "Costs"),
    ("Q1", "Q2", "Q3", "Q4"),
)
TITLES = (
    "Visitors by city",
    "Sales by quarter",
    "Units sold per region",
    "Average score",
    "Budget 2024",
    "Survey of 1,200 households",
    "Output by plant",
    "Monthly report",
)
AXIS_TITLES = ("Value", "Units", "Visitors", "Sales (in thousands)", "Score", "Amount", "Count")


@dataclass(frozen=True)
class BarSpec:
    """What a bar chart shows; `values` has one list a series."""

    kind: str
    title: str
    names: list[str]
    series: list[str]
    values: list[list[float]]
    horizontal: bool = False
    stacked: bool = False
    value_labels: bool = False
    unit: str = ""  # behind each number: "%" or nothing
    prefix: str = ""  # before each number: "$" or nothing
    rotation: int | None = None  # degrees, of the category labels
    axis_title: str = ""  # of the value axis
    category_title: str = ""
    style: dict[str, object] = field(default_factory=dict)  # what one library makes of the kind

    @property
    def highlight(self) -> int | None:
        """Return which bar has a colour of its own."""
        return len(self.names) // 2 if self.kind == "highlighted" else None


def bar_spec(kind: str, dice: random.Random) -> BarSpec:
    """Return a random chart of an ordinary kind."""
    many = "grouped" in kind or "stacked" in kind
    names = _names(kind, dice, many)
    series = list(dice.choice(SERIES)) if many else [""]
    horizontal = kind.endswith("horizontal") or (
        kind in ("long labels", "value labels", "percent", "edges") and dice.random() < 0.4
    )
    return BarSpec(
        kind,
        dice.choice(TITLES) if dice.random() < 0.85 else "",
        names,
        series,
        _values(kind, dice, len(names), len(series)),
        horizontal=horizontal,
        stacked="stacked" in kind,
        value_labels=kind == "value labels" or (kind == "percent" and dice.random() < 0.4),
        unit="%" if kind == "percent" else "",
        prefix=dice.choice(["", "", "$", "€"]) if kind == "thousands" else "",
        rotation=dice.choice([30, 45, 45, 90]) if kind == "rotated labels" else None,
        axis_title=dice.choice(AXIS_TITLES) if dice.random() < 0.5 else "",
        category_title=dice.choice(["Category", "Region", "Group"]) if dice.random() < 0.3 else "",
    )


def _names(kind: str, dice: random.Random, many: bool) -> list[str]:
    if kind == "long labels":
        return dice.sample(LONG, dice.randint(3, 5))
    most = 5 if many else 8
    count = dice.randint(3, most)
    pool = dice.choice([PLACES, PLACES, THINGS, PEOPLE, MONTHS, DAYS, "years", "quarters"])
    if pool == "years":
        start = dice.randint(2005, 2018)
        return [str(start + i) for i in range(count)]
    if pool == "quarters":
        return [f"Q{i + 1}" for i in range(4)]
    if pool in (MONTHS, DAYS):
        start = dice.randint(0, len(pool) - 1)
        return [pool[(start + i) % len(pool)] for i in range(min(count, len(pool)))]
    return dice.sample(pool, count)


def _values(kind: str, dice: random.Random, count: int, many: int) -> list[list[float]]:
    scale = dice.choice([1, 8, 10, 50, 100, 100, 400, 1000])
    if kind == "thousands":
        scale = dice.choice([3000, 12000, 50000, 250000, 2_000_000, 40_000_000])
    if kind == "percent":
        scale = 100
    digits = 2 if scale == 1 else dice.choice([0, 1]) if scale < 200 else 0
    rows = [
        [round(dice.uniform(0.08, 1) * scale, digits) for _ in range(count)] for _ in range(many)
    ]
    if "negative" in kind:
        for row in rows:
            for i in range(count):
                if dice.random() < 0.4:
                    row[i] = -row[i]
        rows[0][dice.randrange(count)] = -round(dice.uniform(0.2, 0.8) * scale, digits)
    return [[float(value) for value in row] for row in rows]
