# ruff: noqa: S311, T201 - a script for people to read, not a part of a package
"""Sends the iris model 10 flowers a second for a minute; with the argument `inches`, measured in inches.

Run by a bare Python inside the cluster, so it has its flowers in itself and uses the standard library alone.
"""

import json
import random
import sys
import time
from urllib.request import Request, urlopen

URL = "http://iris-predictor.demo.svc.cluster.local/v1/models/iris:predict"
COUNT, PER_SECOND = 600, 10
CENTIMETRES_AN_INCH = 2.54

# Mean and standard deviation of sepal length and width, petal length and width in centimetres, for each kind.
KINDS = (
    ((5.006, 0.352), (3.428, 0.379), (1.462, 0.174), (0.246, 0.105)),
    ((5.936, 0.516), (2.770, 0.314), (4.260, 0.470), (1.326, 0.198)),
    ((6.588, 0.636), (2.974, 0.322), (5.552, 0.552), (2.026, 0.275)),
)


def main() -> None:
    """Asks for one prediction after the other."""
    scale = 1 / CENTIMETRES_AN_INCH if "inches" in sys.argv[1:] else 1.0
    for number in range(COUNT):
        flower = [round(scale * random.gauss(mean, deviation), 2) for mean, deviation in random.choice(KINDS)]
        body = json.dumps({"instances": [flower]}).encode()
        with urlopen(Request(URL, body, {"Content-Type": "application/json"}), timeout=10) as response:
            print(number + 1, flower, response.read().decode())
        time.sleep(1 / PER_SECOND)


main()
