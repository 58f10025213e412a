/* Reads accumulator, multiplier and shift, three int32 at a time; writes arm_nn_requantize of them. */
#include <stdio.h>

#include "arm_nnsupportfunctions.h"

int main(void)
{
    int32_t numbers[3];
    while (fread(numbers, sizeof numbers, 1, stdin) == 1) {
        const int32_t scaled = arm_nn_requantize(numbers[0], numbers[1], numbers[2]);
        if (fwrite(&scaled, sizeof scaled, 1, stdout) != 1) {
            return 1;
        }
    }
    return 0;
}
