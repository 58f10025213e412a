"""MobileNetV2 1.0, trained on ImageNet, at 96 x 96 or 224 x 224.

python -m examples.mobilenet_v2 --help
"""

from examples.common import command

main = command({"96": "mobilenet_v2_96", "224": "mobilenet_v2_224"})

if __name__ == "__main__":
    main()
