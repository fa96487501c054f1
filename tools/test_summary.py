"""Sums GoogleTest's XML reports and tools/check's lines into one line: 'N passed, N failed, N skipped'.

Arguments: the folder of reports, the file of check lines, ctest's exit code. Exits 1 where anything failed.
A test program that died leaves no report, but ctest's exit code tells of it.
"""

import pathlib
import re
import sys
import xml.etree.ElementTree


def main() -> int:
    reports, checks, ctest_result = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
    passed = failed = skipped = 0
    reasons = []
    for line in checks.read_text().splitlines():
        word = line.split(" ", 1)[0]
        passed += word == "pass"
        failed += word == "fail"
        if word == "skip":
            skipped += 1
            reasons.append(line.removeprefix("skip "))
    seen = 0
    for report in sorted(reports.glob("*.xml")):
        for test in xml.etree.ElementTree.parse(report).iter("testcase"):
            name = f"{test.get('classname')}.{test.get('name')}"
            if test.get("status") == "notrun":
                continue  # DISABLED_: a speed test that is run by hand
            seen += 1
            skip = test.find("skipped")
            if test.find("failure") is not None:
                failed += 1
                print(f"failed: {name}")
            elif skip is not None:
                skipped += 1
                # The message opens with the place in the source.
                lines = [line for line in skip.get("message", "").splitlines() if not re.fullmatch(r"\S+:\d+", line)]
                reasons.append(f"{name}: {' '.join(' '.join(lines).split())}")
            else:
                passed += 1
    for reason in reasons:
        print(f"skipped: {reason}")
    if seen == 0:
        print("failed: no test program left a report")
        failed += 1
    elif ctest_result != 0 and failed == 0:
        print("failed: a test program ended without a report (crash or time-out, see above)")
        failed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
