"""Windows and outliers as a replay reads them from findings."""

from nilometer_detectors.replay._columns import Column, Histogram
from nilometer_detectors.replay._reading import About, DetectorResult, Key, Outlier, Window
from nilometer_logger.times import SECOND

ABOUT = About("demo/fruit", "demo/fruit/predictor/")
LENGTH: Key = ("features", "length")


def window(number: int = 0, *, verdict: str = "ok", mean: float = 3.0, rows: int = 60, partial: bool = False) -> Window:
    """Returns the n-th window of a minute, with one column and one detector."""
    said = DetectorResult(verdict, 0.1 + (verdict == "drift") / 2, 0.5, 0.01)
    whole = DetectorResult(verdict, said.distance, said.p_value, said.threshold, columns={LENGTH: said})
    column = Column(rows, 1, mean, 1.0, mean - 2, mean + 2, Histogram((0.0, 2.0, 4.0), [rows - 1, 1]))
    start = number * 60 * SECOND
    return Window(
        start, start + 60 * SECOND, rows, "watermark", partial, False, 1, 2, 3, {LENGTH: column}, {"ks": whole}
    )


def outlier(number: int, *, score: float | None = None, name: str = "length") -> Outlier:
    """Returns the n-th outlier, a second after the one before; its score is its number unless another is given."""
    feature = {"value": float(number), "expected": [0, 4]}
    return Outlier(
        number * SECOND, f"row-{number}", 0, "range", number if score is None else score, 4.0, {name: feature}
    )
