#include "dataplane/shm/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define REGION_MAGIC   UINT64_C(0x31474552544f434f) /* "OCTOREG1" in memory order, nearly */
#define REGION_VERSION 1u
#define HUGE_SZ        ((size_t)2 << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

struct region_ent {
    char name[OCT_REGION_NAME_SZ];
    uint64_t off; /* from the start of the region */
    uint64_t sz;
};

/* One writer: the creator, before the seal. */
struct region_hdr {
    _Atomic uint64_t magic; /* written last, cleared first */
    uint32_t version;
    uint32_t obj_cnt;
    uint64_t layout_hash;
    uint64_t sz;   /* bytes of the whole region */
    uint64_t used; /* bytes laid out so far */
    uint64_t pad[11];
    struct region_ent ent[OCT_REGION_OBJ_MAX];
};
_Static_assert(sizeof(struct region_ent) == 48, "directory entry");
_Static_assert(offsetof(struct region_hdr, ent) == OCT_BLOCK_SZ, "directory");

#define DIR_SZ ((sizeof(struct region_hdr) + OCT_BLOCK_SZ - 1) & ~(size_t)(OCT_BLOCK_SZ - 1))

static int region_path(char *buf, size_t sz, const char *dir, const char *name)
{
    if (name[0] == '\0' || strchr(name, '/') != NULL)
        return -EINVAL;
    int n = snprintf(buf, sz, "%s/%s", dir, name);
    return n < 0 || (size_t)n >= sz ? -ENAMETOOLONG : 0;
}

static void region_closed(struct oct_region *r)
{
    *r = (struct oct_region){.fd = -1};
}

/* Who still maps the file that is being replaced learns of it: its magic goes first. */
static void retire_file(const char *path)
{
    uint64_t zero = 0;
    struct stat st;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0) {
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= (off_t)DIR_SZ &&
            pwrite(fd, &zero, sizeof zero, 0) < 0)
            errno = 0; /* the unlink below is what counts */
        close(fd);
    }
    unlink(path);
}

/* Maps fd at an address that huge pages can back.  MAP_FAILED when it cannot. */
static void *map_aligned(int fd, size_t sz)
{
    uint8_t *at = mmap(NULL, sz + HUGE_SZ, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return MAP_FAILED;
    uint8_t *base = (uint8_t *)oct_align_up((size_t)at, HUGE_SZ);
    void *p = mmap(base, sz, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    if (p == MAP_FAILED) {
        munmap(at, sz + HUGE_SZ);
        return MAP_FAILED;
    }
    if (base > at)
        munmap(at, (size_t)(base - at));
    munmap(base + sz, (size_t)(at + HUGE_SZ - base));
    return p;
}

/* True when the kernel could put all of it on huge pages. */
static bool make_huge(void *base, size_t sz)
{
    madvise(base, sz, MADV_HUGEPAGE);
    return madvise(base, sz, MADV_COLLAPSE) == 0;
}

int oct_region_create(struct oct_region *r, const char *dir, const char *name, size_t sz,
                      uint64_t layout_hash, bool want_huge)
{
    char path[512];
    int rc = region_path(path, sizeof path, dir, name);

    region_closed(r);
    if (rc != 0)
        return rc;
    if (sz > ((size_t)1 << 46))
        return -EINVAL;
    size_t total = oct_align_up(DIR_SZ + sz, want_huge ? HUGE_SZ : 4096);
    retire_file(path);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return -errno;
    /* Reserves the memory now: a full tmpfs is an error here, not a SIGBUS later. */
    rc = -posix_fallocate(fd, 0, (off_t)total);
    if (rc != 0)
        goto out_file;
    void *base = map_aligned(fd, total);
    if (base == MAP_FAILED) {
        rc = -errno;
        goto out_file;
    }
    memset(base, 0, total); /* fault every page in before the seal */
    struct region_hdr *h = base;
    h->version = REGION_VERSION;
    h->layout_hash = layout_hash;
    h->sz = total;
    h->used = DIR_SZ;
    *r = (struct oct_region){.base = base, .sz = total, .fd = fd, .writer = true};
    if (want_huge)
        r->huge = make_huge(base, total);
    return 0;

out_file:
    close(fd);
    unlink(path);
    return rc;
}

static bool name_ok(const char *name)
{
    size_t n = strnlen(name, OCT_REGION_NAME_SZ);

    return n > 0 && n < OCT_REGION_NAME_SZ;
}

void *oct_region_alloc(struct oct_region *r, const char *obj, size_t sz)
{
    struct region_hdr *h = r->base;

    OCT_ASSERT(h != NULL && r->writer);
    if (!name_ok(obj) || h->obj_cnt >= OCT_REGION_OBJ_MAX ||
        atomic_load_explicit(&h->magic, memory_order_relaxed) != 0)
        return NULL;
    for (uint32_t i = 0; i < h->obj_cnt; i++)
        if (strcmp(h->ent[i].name, obj) == 0)
            return NULL;
    if (sz == 0 || sz > r->sz || oct_align_up(sz, OCT_BLOCK_SZ) > r->sz - h->used)
        return NULL;
    struct region_ent *e = &h->ent[h->obj_cnt++];
    memcpy(e->name, obj, strlen(obj) + 1);
    e->off = h->used;
    e->sz = sz;
    h->used += oct_align_up(sz, OCT_BLOCK_SZ);
    return (uint8_t *)r->base + e->off;
}

void oct_region_seal(struct oct_region *r)
{
    struct region_hdr *h = r->base;

    OCT_ASSERT(h != NULL && r->writer);
    atomic_store_explicit(&h->magic, REGION_MAGIC, memory_order_release); /* pairs with check */
}

/* A sound entry in a region of sz bytes.  e is the caller's private copy. */
static bool ent_ok(const struct region_ent *e, size_t sz)
{
    return name_ok(e->name) && e->off >= DIR_SZ && e->off % OCT_BLOCK_SZ == 0 && e->off < sz &&
           e->sz > 0 && e->sz <= sz - e->off;
}

static int check_dir(const struct region_hdr *h, size_t sz, uint64_t layout_hash)
{
    struct region_ent ent[OCT_REGION_OBJ_MAX];
    /* pairs with oct_region_seal */
    uint64_t magic = atomic_load_explicit(&h->magic, memory_order_acquire);

    if (magic == 0)
        return -EAGAIN;
    if (magic != REGION_MAGIC)
        return -EBADMSG;
    if (h->version != REGION_VERSION || h->layout_hash != layout_hash)
        return -EPROTO;
    uint32_t cnt = h->obj_cnt;
    if (h->sz != sz || cnt > OCT_REGION_OBJ_MAX)
        return -EBADMSG;
    memcpy(ent, h->ent, sizeof ent);
    for (uint32_t i = 0; i < cnt; i++) {
        if (!ent_ok(&ent[i], sz))
            return -EBADMSG;
        for (uint32_t k = 0; k < i; k++) {
            bool apart =
                ent[i].off >= ent[k].off + ent[k].sz || ent[k].off >= ent[i].off + ent[i].sz;
            if (!apart || strcmp(ent[i].name, ent[k].name) == 0)
                return -EBADMSG;
        }
    }
    return 0;
}

int oct_region_join(struct oct_region *r, const char *dir, const char *name,
                    enum oct_region_mode mode, uint64_t layout_hash)
{
    char path[512];
    struct stat st;
    bool write = mode == OCT_REGION_WRITE;
    int rc = region_path(path, sizeof path, dir, name);

    region_closed(r);
    if (rc != 0)
        return rc;
    int fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) != 0) {
        rc = -errno;
        goto out_fd;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = -EBADMSG;
        goto out_fd;
    }
    if ((uint64_t)st.st_size < DIR_SZ) { /* the creator has not got far */
        rc = st.st_size == 0 ? -EAGAIN : -EBADMSG;
        goto out_fd;
    }
    size_t sz = (size_t)st.st_size;
    void *base = mmap(NULL, sz, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) {
        rc = -errno;
        goto out_fd;
    }
    rc = check_dir(base, sz, layout_hash);
    if (rc != 0) {
        munmap(base, sz);
        goto out_fd;
    }
    *r = (struct oct_region){.base = base, .sz = sz, .fd = fd, .writer = write};
    return 0;

out_fd:
    close(fd);
    return rc;
}

void *oct_region_find(const struct oct_region *r, const char *obj, size_t *sz)
{
    const struct region_hdr *h = r->base;

    if (h == NULL)
        return NULL;
    uint32_t cnt = h->obj_cnt;
    for (uint32_t i = 0; i < cnt && i < OCT_REGION_OBJ_MAX; i++) {
        /* A private copy: another process may write what was checked at the join. */
        struct region_ent e;
        memcpy(&e, &h->ent[i], sizeof e);
        if (!ent_ok(&e, r->sz) || strcmp(e.name, obj) != 0)
            continue;
        if (sz != NULL)
            *sz = e.sz;
        return (uint8_t *)r->base + e.off;
    }
    return NULL;
}

bool oct_region_current(const struct oct_region *r)
{
    const struct region_hdr *h = r->base;

    return h != NULL && atomic_load_explicit(&h->magic, memory_order_acquire) == REGION_MAGIC;
}

void oct_region_leave(struct oct_region *r)
{
    if (r == NULL || r->base == NULL)
        return;
    munmap(r->base, r->sz);
    close(r->fd);
    region_closed(r);
}

int oct_region_unlink(const char *dir, const char *name)
{
    char path[512];
    int rc = region_path(path, sizeof path, dir, name);

    if (rc != 0)
        return rc;
    struct stat st;
    if (lstat(path, &st) != 0)
        return -errno;
    retire_file(path);
    return 0;
}
