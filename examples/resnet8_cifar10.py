"""ResNet-8, trained on CIFAR-10.

python -m examples.resnet8_cifar10 --help
"""

from examples.common import command

main = command({"": "resnet8_cifar10"})

if __name__ == "__main__":
    main()
