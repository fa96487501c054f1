import argparse
import sys

from . import report, sweep, train
from .scenes import sheet


def main():
    parser = argparse.ArgumentParser(prog="tools/train/run", description="Trains roadnet.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    everything = verbs.add_parser(
        "train", help="trains, writes roadnet.onnx and its report; what is meant without a verb"
    )
    train.arguments(everything)
    train.recipe_arguments(everything)
    report.arguments(everything)
    short = verbs.add_parser("sweep", help="short runs of one changed setting each")
    train.arguments(short)
    sheet.arguments(verbs.add_parser("scenes", help="made scenes as files"))
    given = sys.argv[1:]
    args = parser.parse_args(given if given and given[0] in verbs.choices else ["train", *given])
    if args.verb == "scenes":
        sheet.run(args)
    elif args.verb == "sweep":
        sweep.run(args)
    else:
        report.run(args, train.run(args))


main()
