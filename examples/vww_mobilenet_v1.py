"""MobileNetV1 0.25, trained on Visual Wake Words, at 96 x 96.

python -m examples.vww_mobilenet_v1 --help
"""

from examples.common import command

main = command({"": "vww_mobilenet_v1_96"})

if __name__ == "__main__":
    main()
