"""Work out what each person on the on-call rota is paid for a month.

Reads the CSV that Signalbox exports, one row a shift and person: `name,role,start,days,holidays`, where `role`
is primary or secondary, `start` is the Tuesday on which the shift begins, `days` is how many of its seven days the
person covered, and `holidays` counts the public holidays of the person's office on those days. A shift belongs to
the month in which it starts. Call-out work is not in the export: payroll adds it from the timesheets.

    python oncall_pay.py rota.csv --month 2026-03
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

DAYS_IN_SHIFT = 7
WEEKLY_EUR = {"primary": Decimal(320), "secondary": Decimal(140)}
HOLIDAY_SUPPLEMENT_EUR = Decimal(60)
CENT = Decimal("0.01")


def shift_pay(role: str, days: int, holidays: int) -> Decimal:
    """Return the pay in EUR for one person's part of a shift; raise ValueError for an impossible one."""
    if role not in WEEKLY_EUR:
        raise ValueError(f"role {role!r} is unknown; use one of {', '.join(WEEKLY_EUR)}")
    if not 1 <= days <= DAYS_IN_SHIFT:
        raise ValueError(f"{days} days do not fit into a shift of {DAYS_IN_SHIFT}")
    if not 0 <= holidays <= days:
        raise ValueError(f"{holidays} public holidays do not fit into {days} days")
    part = WEEKLY_EUR[role] * days / DAYS_IN_SHIFT
    return (part + HOLIDAY_SUPPLEMENT_EUR * holidays).quantize(CENT, ROUND_HALF_UP)


def month_pay(shifts: Iterable[Mapping[str, str]], month: str) -> dict[str, Decimal]:
    """Return the pay in EUR of each person for the shifts that start in `month` (YYYY-MM), by name."""
    pay: defaultdict[str, Decimal] = defaultdict(Decimal)
    for shift in shifts:
        if shift["start"].startswith(f"{month}-"):
            pay[shift["name"]] += shift_pay(shift["role"], int(shift["days"]), int(shift["holidays"]))
    return dict(sorted(pay.items()))


def main() -> None:
    """Print one line a person, and the total."""
    parser = argparse.ArgumentParser(description="On-call pay for one month, without call-out work.")
    parser.add_argument("rota", type=Path, help="the CSV exported by Signalbox")
    parser.add_argument("--month", required=True, help="the month, for example 2026-03")
    options = parser.parse_args()
    with options.rota.open(newline="", encoding="utf-8") as file:
        pay = month_pay(csv.DictReader(file), options.month)
    for name, amount in pay.items():
        print(f"{name:<30} EUR {amount:>9}")
    print(f"{'Total':<30} EUR {sum(pay.values(), Decimal()):>9}")


if __name__ == "__main__":
    main()
