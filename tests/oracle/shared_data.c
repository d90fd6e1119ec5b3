#include "tests/oracle/shared_data.h"

#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PAD 64u

static uint8_t *read_file(const char *path, size_t *sz)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    fseek(f, 0, SEEK_END);
    long end = ftell(f);
    rewind(f);
    uint8_t *data = end < 0 ? NULL : calloc(1, (size_t)end + PAD);
    if (data != NULL && fread(data, 1, (size_t)end, f) != (size_t)end) {
        free(data);
        data = NULL;
    }
    fclose(f);
    *sz = (size_t)end;
    return data;
}

static uint8_t *unpack(uint8_t *packed, size_t packed_sz, size_t *sz)
{
    size_t cap = packed_sz * 64 + (1u << 20);
    uint8_t *out = calloc(1, cap + PAD);
    uint64_t limit = UINT64_MAX;
    size_t in_pos = 0, out_pos = 0;
    lzma_ret ret =
        lzma_stream_buffer_decode(&limit, 0, NULL, packed, &in_pos, packed_sz, out, &out_pos, cap);
    free(packed);
    if (ret != LZMA_OK) {
        free(out);
        return NULL;
    }
    *sz = out_pos;
    return out;
}

/* Whether the recording's own folder, the first part of the path, is there. */
static bool folder_is_there(const char *data, const char *path_in_data)
{
    char folder[4096];
    struct stat st;
    snprintf(folder, sizeof(folder), "%s/%.*s", data, (int)strcspn(path_in_data, "/"),
             path_in_data);
    return stat(folder, &st) == 0;
}

uint8_t *shared_load(const char *path_in_data, size_t *sz)
{
    const char *root = getenv("OCTOPUS_SHARED");
    char data_dir[2048], path[4096];
    snprintf(data_dir, sizeof(data_dir), "%s/data", root != NULL ? root : "../shared");
    snprintf(path, sizeof(path), "%s/%s", data_dir, path_in_data);
    if (!folder_is_there(data_dir, path_in_data)) {
        printf("SKIP: %.*s: " SHARED_MISSING "\n", (int)strcspn(path_in_data, "/"), path_in_data);
        return NULL;
    }
    uint8_t *data = read_file(path, sz);
    size_t len = strlen(path);
    if (data != NULL && len > 3 && strcmp(path + len - 3, ".xz") == 0)
        data = unpack(data, *sz, sz);
    if (data == NULL) {
        fprintf(stderr, "FAIL: %s is missing in its folder, or damaged\n", path);
        abort();
    }
    return data;
}

int64_t shared_expect(const char *json, const char *after, const char *key)
{
    char quoted[128];
    const char *at = json;
    if (after != NULL) {
        snprintf(quoted, sizeof(quoted), "\"%s\"", after);
        at = strstr(json, quoted);
        if (at == NULL)
            return -1;
    }
    snprintf(quoted, sizeof(quoted), "\"%s\":", key);
    at = strstr(at, quoted);
    return at == NULL ? -1 : strtoll(at + strlen(quoted), NULL, 10);
}
