from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from services.mqtt.risk import (
    DEFAULT,
    UNLISTED,
    RiskTableError,
    Row,
    Sight,
    level_of,
    parse_table,
    risk_of,
)


def sight(
    *labels: str,
    zones: tuple[str, ...] = (),
    at: time = time(12),
    score: float = 0.8,
    camera: str = "porch",
) -> Sight:
    return Sight(labels=labels, camera=camera, zones=zones, began=at, score=score)


def test_the_first_row_that_fits_decides() -> None:
    table = parse_table(
        """[
        {"label": "person", "zone": ["vault", "safe"], "risk": 95},
        {"label": "person", "hours": "22:00-06:00", "min_score": 0.7, "risk": 80},
        {"label": ["person", "dog"], "camera": "street", "risk": 5},
        {"label": "person", "risk": 50}
        ]"""
    )
    assert risk_of(table, sight("person")) == 50
    assert risk_of(table, sight("person", camera="street")) == 5
    assert risk_of(table, sight("person", at=time(23, 30))) == 80
    assert risk_of(table, sight("person", at=time(6))) == 50
    assert risk_of(table, sight("person", at=time(3), score=0.6)) == 50
    assert risk_of(table, sight("person", zones=("yard", "safe"))) == 95
    assert risk_of(table, sight("zebra")) == UNLISTED


def test_of_several_labels_the_riskiest_counts() -> None:
    assert risk_of(DEFAULT, sight("dog", "person")) == risk_of(DEFAULT, sight("person"))
    assert risk_of(DEFAULT, sight()) == UNLISTED


def test_a_row_of_alerts_is_for_reviews() -> None:
    table = (Row(severity="alert", risk=70), Row(risk=10))
    seen = sight("car")
    assert risk_of(table, seen) == 10
    alert = Sight(labels=["car"], camera="a", zones=(), began=time(1), score=1, severity="alert")
    assert risk_of(table, alert) == 70


def test_the_usual_table_wakes_for_danger_and_not_for_the_unknown() -> None:
    level = {
        what: level_of(risk_of(DEFAULT, sight(what, at=at)))
        for what, at in [
            ("fire_alarm", time(12)),
            ("cat", time(3)),
            ("car", time(12)),
            ("umbrella", time(3)),
            ("person", time(12)),
        ]
    }
    assert level == {
        "fire_alarm": "critical",
        "cat": "low",
        "car": "low",
        "umbrella": "medium",
        "person": "medium",
    }
    assert level_of(risk_of(DEFAULT, sight("person", at=time(3)))) == "high"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "a JSON list"),
        ("nonsense", "a JSON list"),
        ("[]", "no row"),
        ('[{"risk": 5}, {"label": "a"}]', "row 2 of 2: Object missing required field `risk`"),
        ('[{"risk": 101}]', "row 1 of 1"),
        ('[{"risk": 1, "lable": "person"}]', "`lable`"),
        ('[{"risk": 1, "hours": "22-6"}]', "as 22:00-06:00"),
        ('[{"risk": 1, "hours": "22:00-22:00"}]', "as 22:00-06:00"),
        ('[{"risk": 1, "hours": "24:00-06:00"}]', "as 22:00-06:00"),
        ('[{"risk": 1, "label": []}]', "row 1 of 1"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line_that_names_the_row(
    text: str, expected: str
) -> None:
    with pytest.raises(RiskTableError) as refused:
        parse_table(text)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)


@given(some.integers(0, 100), some.times(), some.floats(0, 1), some.text(max_size=5))
def test_whatever_is_seen_has_a_risk_and_a_level(
    risk: int, at: time, score: float, label: str
) -> None:
    assert level_of(risk) in {"low", "medium", "high", "critical"}
    assert 0 <= risk_of(DEFAULT, sight(label, at=at, score=score)) <= 100
