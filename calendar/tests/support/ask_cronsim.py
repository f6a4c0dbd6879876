"""Answers each line {"pattern", "zone", "start", "count"} with {"due": [[unix seconds, whether such a time exists], …]}.

What cronsim answers is what its iterator yields, started at the moment `start` in that zone.
"""

import json
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError


def answer(question):
    start = datetime.fromtimestamp(question["start"], ZoneInfo(question["zone"]))
    try:
        simulation = CronSim(question["pattern"], start)
    except CronSimError as error:
        return {"refused": str(error)}
    due = []
    for _ in range(question["count"]):
        try:
            moment = next(simulation)
        except StopIteration:
            break
        except OverflowError:
            break
        back = moment.astimezone(timezone.utc).astimezone(moment.tzinfo)
        exists = moment.replace(tzinfo=None) == back.replace(tzinfo=None)
        due.append([int(moment.timestamp()), exists])
    return {"due": due}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
