/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* The host's files and console, through QEMU's semihosting calls (Arm's SYS_* operations). */
#ifndef PATCHC_SEMIHOSTING_H
#define PATCHC_SEMIHOSTING_H

#include <stdint.h>

enum { HOST_READ = 1, HOST_WRITE = 5 }; /* modes "rb" and "wb" */

/* Copies the words of `-semihosting-config arg=` into `text`, separated by blanks. 0, or -1 when
 * they need more than `bytes`. */
int host_command_line(char *text, uint32_t bytes);

/* A handle, or -1. */
int32_t host_open(const char *path, int mode);

/* 0, or -1 when fewer than `bytes` were to be had. */
int host_read(int32_t handle, void *to, uint32_t bytes);

/* 0, or -1 when not all was written. */
int host_write(int32_t handle, const void *from, uint32_t bytes);

/* 0, or -1. */
int host_close(int32_t handle);

void host_print(const char *text);
void host_print_number(uint32_t value);
void host_print_hex(uint32_t value);

/* Ends QEMU with this exit status. */
_Noreturn void host_exit(int status);

#endif
