# ruff: noqa: S311 - a script for people to read, not a part of a package
"""Makes week.csv: a week of iris flowers as they were measured, with the time of each; always the same week.

By day there are many, at night few. On Friday at 14:00 the gauge for petals is bent, and shows 0.5 cm more. Now and then
somebody types a number without its point.
"""

import csv
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

HERE = Path(__file__).parent
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
BENT = MONDAY + timedelta(days=4, hours=14)
DAY, NIGHT = 40, 4  # flowers an hour


def main() -> None:
    """Writes the file beside this one."""
    chance = random.Random(7)
    with (HERE.parent / "iris" / "iris.csv").open(newline="", encoding="utf-8") as file:
        flowers = list(csv.DictReader(file))
    names = [name for name in flowers[0] if name != "class"]
    with (HERE / "week.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["time", *names, "class"])
        time = MONDAY
        while time < MONDAY + timedelta(days=7):
            time += timedelta(hours=chance.expovariate(DAY if 8 <= time.hour < 18 else NIGHT))
            flower = chance.choice(flowers)
            measured = {name: float(flower[name]) + chance.gauss(0, 0.05) for name in names}
            if time >= BENT:
                measured["petal_width"] += 0.5
            if chance.random() < 0.002:
                measured["petal_length"] *= 10
            shown = [f"{measured[name]:.2f}" for name in names]
            writer.writerow([time.isoformat(timespec="milliseconds"), *shown, flower["class"]])


if __name__ == "__main__":
    main()
