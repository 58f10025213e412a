"""EfficientNet-Lite0, trained on ImageNet, at 224 x 224.

python -m examples.efficientnet_lite0 --help
"""

from examples.common import command

main = command({"": "efficientnet_lite0_224"})

if __name__ == "__main__":
    main()
