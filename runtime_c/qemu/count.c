/* Part of patchc. SPDX-License-Identifier: Apache-2.0 OR 0BSD */
/* Plugin of QEMU: counts what an emitted network executes, block by block, and for whom.
 *
 *     -plugin libcount.so,map=FILE,out=FILE
 *
 * `map` holds lines "LOW HIGH KIND", hexadecimal addresses and a decimal number; HIGH is the first
 * address behind. KIND tells what code is there:
 *
 *     0, 1, ...  a function that owns what runs from when it is entered until another owner's code
 *     -1         a kernel of the network, which works for the current owner
 *     -2         other code of the network that may call the test program
 *     -3         the test program: counted apart, with all that it calls, until the network goes on
 *     -5         constants: no code is looked for here
 *
 * and elsewhere there is library code, which works for its caller. The first line that holds an
 * address counts. A block is straight code, as QEMU translates it; its last instruction, perhaps a
 * call, tells what kind it is, because inlined code may begin in the middle. `out`: lines "harness
 * INSTRUCTIONS" and "block ADDRESS INSTRUCTIONS OWNER RUNS STRAIGHT LINES"; after STRAIGHT of the
 * RUNS what follows the block in memory was executed next, so that a branch at its end was not
 * taken. LINES is how often it read a constant from another line of LINE_BYTES than the constant
 * before; where there are ranges of constants, everything takes several times as long.
 *
 * QEMU's header is not needed (Debian does not package it): what is used of version 1 of the
 * interface is declared here. */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint32_t memory_info;
/* Loads and stores: QEMU 7.2 confuses the two, and nothing writes to constants. */
enum { NO_REGISTERS = 0, ALL_ACCESSES = 3 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id,
                                                  void (*made)(plugin_id,
                                                               struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                                 void (*entered)(unsigned, void *), int registers,
                                                 void *data);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                             void (*accessed)(unsigned, memory_info, uint64_t,
                                                              void *),
                                             int registers, int accesses, void *data);
extern void qemu_plugin_register_atexit_cb(plugin_id id, void (*ended)(plugin_id, void *),
                                           void *data);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
                                                        size_t index);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *instruction);

#define EXPORTED __attribute__((visibility("default")))
EXPORTED int qemu_plugin_version = 1;

enum { KERNEL = -1, RESUMES = -2, HARNESS = -3, LIBRARY = -4, CONSTANTS = -5 };
enum { LINE_BYTES = 16 };

typedef struct {
    uint64_t low, high;
    int kind;
} range;

typedef struct {
    uint64_t runs, straight, lines;
} tally;

/* Straight code; a block may be translated more than once. */
typedef struct block {
    uint64_t address, behind, instructions; /* `behind`: the first address after it */
    int kind;
    tally *tallies;     /* by owner */
    struct block *next; /* of the same bucket */
} block;

#define BUCKETS 65536u

static range *ranges, *constants;
static size_t range_count, constant_count;
static size_t owner_count;
static block *buckets[BUCKETS];
static const char *out_path;

static size_t owner;         /* the current one */
static bool outside = true;  /* the test program runs */
static uint64_t not_counted; /* instructions of the test program */

static tally ignored;          /* of blocks outside */
static tally *left = &ignored; /* of the block that ran last */
static uint64_t behind_left;   /* the address after that block */
static uint64_t line;          /* the last one that a constant was read from */

static int kind_at(uint64_t address)
{
    size_t i;
    for (i = 0; i < range_count; i++) {
        if (address >= ranges[i].low && address < ranges[i].high) {
            return ranges[i].kind;
        }
    }
    return LIBRARY;
}

/* `last`: the block's last instruction. */
static block *block_at(uint64_t address, uint64_t instructions,
                       const struct qemu_plugin_insn *last)
{
    block **bucket = &buckets[(address >> 1) % BUCKETS], *found;
    for (found = *bucket; found != NULL; found = found->next) {
        if (found->address == address && found->instructions == instructions) {
            return found;
        }
    }
    found = calloc(1, sizeof *found);
    if (found == NULL || (found->tallies = calloc(owner_count, sizeof *found->tallies)) == NULL) {
        abort();
    }
    found->address = address;
    found->behind = qemu_plugin_insn_vaddr(last) + qemu_plugin_insn_size(last);
    found->instructions = instructions;
    found->kind = kind_at(qemu_plugin_insn_vaddr(last));
    found->next = *bucket;
    *bucket = found;
    return found;
}

static void entered(unsigned cpu, void *data)
{
    block *self = data;
    (void)cpu;

    if (self->address == behind_left) {
        left->straight++;
    }
    behind_left = self->behind;
    if (self->kind == HARNESS) {
        outside = true;
    } else if (self->kind == RESUMES) {
        outside = false;
    } else if (self->kind >= 0) {
        owner = (size_t)self->kind;
        outside = false;
    }
    if (outside) {
        not_counted += self->instructions;
        left = &ignored;
    } else {
        left = &self->tallies[owner];
        left->runs++;
    }
}

static void accessed(unsigned cpu, memory_info info, uint64_t address, void *data)
{
    size_t i;
    (void)cpu;
    (void)info;
    (void)data;

    if (address / LINE_BYTES == line) {
        return;
    }
    for (i = 0; i < constant_count; i++) {
        if (address >= constants[i].low && address < constants[i].high) {
            line = address / LINE_BYTES;
            left->lines++;
            return;
        }
    }
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb)
{
    const size_t count = qemu_plugin_tb_n_insns(tb);
    size_t i;
    block *self =
        block_at(qemu_plugin_tb_vaddr(tb), count, qemu_plugin_tb_get_insn(tb, count - 1));
    (void)id;

    qemu_plugin_register_vcpu_tb_exec_cb(tb, entered, NO_REGISTERS, self);
    for (i = 0; constant_count > 0 && i < count; i++) {
        qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, i), accessed, NO_REGISTERS,
                                         ALL_ACCESSES, NULL);
    }
}

static void print_block(FILE *file, const block *self)
{
    size_t i;
    for (i = 0; i < owner_count; i++) {
        const tally *found = &self->tallies[i];
        if (found->runs != 0) {
            fprintf(file,
                    "block %" PRIx64 " %" PRIu64 " %zu %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
                    self->address, self->instructions, i, found->runs, found->straight,
                    found->lines);
        }
    }
}

static void ended(plugin_id id, void *data)
{
    FILE *file = fopen(out_path, "w");
    size_t i;
    (void)id;
    (void)data;

    if (file == NULL) {
        return;
    }
    fprintf(file, "harness %" PRIu64 "\n", not_counted);
    for (i = 0; i < BUCKETS; i++) {
        const block *found;
        for (found = buckets[i]; found != NULL; found = found->next) {
            print_block(file, found);
        }
    }
    fclose(file);
}

static void append(range **list, size_t *count, range added)
{
    *list = realloc(*list, (*count + 1) * sizeof **list);
    if (*list == NULL) {
        abort();
    }
    (*list)[(*count)++] = added;
}

/* 0, or -1 when the file cannot be read as a map. */
static int read_map(const char *path)
{
    FILE *file = fopen(path, "r");
    range found;
    int fields;

    if (file == NULL) {
        return -1;
    }
    while ((fields = fscanf(file, "%" SCNx64 " %" SCNx64 " %d", &found.low, &found.high,
                            &found.kind)) == 3) {
        if (found.kind == CONSTANTS) {
            append(&constants, &constant_count, found);
        } else {
            append(&ranges, &range_count, found);
        }
        if (found.kind >= 0 && (size_t)found.kind >= owner_count) {
            owner_count = (size_t)found.kind + 1;
        }
    }
    fclose(file);
    return fields == EOF && owner_count > 0 ? 0 : -1;
}

EXPORTED int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    const char *map_path = NULL;
    int i;
    (void)info;

    for (i = 0; i < argc; i++) {
        if (strncmp(argv[i], "map=", 4) == 0) {
            map_path = argv[i] + 4;
        } else if (strncmp(argv[i], "out=", 4) == 0) {
            out_path = strdup(argv[i] + 4);
        }
    }
    if (map_path == NULL || out_path == NULL || read_map(map_path) != 0) {
        fprintf(stderr, "count: map=FILE and out=FILE expected\n");
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
