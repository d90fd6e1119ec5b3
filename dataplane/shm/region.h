/* region.h - a named block of shared memory, laid out once at boot.
 *
 * A region is a file under the instance's run directory (a tmpfs), so that it outlives the
 * process that made it; huge pages when asked for and free, else 4 KiB pages.  It starts with a
 * directory of named objects; everything is reached by offset, so that every process may map it at
 * its own address.
 *
 * Thread:  the creator lays out objects alone, then seals; afterwards the directory never changes
 *          and any process may join.  Joiners check magic, layout version, sizes and bounds of
 *          every entry: a region is hostile input.
 * Limit:   who may write the file may also cut it short, which turns the next access of everybody
 *          into SIGBUS.  File permissions decide who that is: "pub" is for the dataplane alone. */
#ifndef OCT_SHM_REGION_H
#define OCT_SHM_REGION_H

#include "dataplane/base/attr.h"

#define OCT_REGION_NAME_SZ 32
#define OCT_REGION_OBJ_MAX 64

enum oct_region_mode {
    OCT_REGION_READ,  /* map read-only */
    OCT_REGION_WRITE, /* map read-write */
};

struct oct_region {
    void *base;  /* NULL when closed */
    size_t sz;   /* bytes mapped */
    int fd;      /* -1 when closed */
    bool huge;   /* on huge pages */
    bool writer; /* this process created it or mapped it for writing */
};

/* Creates (or replaces) dir/name with room for sz bytes of objects, mode 0640, zeroed, mapped
 * read-write.  layout_hash is what joiners must present.  Returns 0 or negative errno. */
int oct_region_create(struct oct_region *r, const char *dir, const char *name, size_t sz,
                      uint64_t layout_hash, bool want_huge);

/* Adds an object of sz bytes, aligned to 128.  Returns its address in this process, or NULL when
 * the region is full, sealed or the name is taken. */
void *oct_region_alloc(struct oct_region *r, const char *obj, size_t sz);

/* Publishes the directory: writes the magic, with release. */
void oct_region_seal(struct oct_region *r);

/* Maps an existing, sealed region.  -ENOENT no such file; -EAGAIN not sealed yet; -EPROTO another
 * layout; -EBADMSG inconsistent directory. */
int oct_region_join(struct oct_region *r, const char *dir, const char *name,
                    enum oct_region_mode mode, uint64_t layout_hash);

/* Address and size of an object in this process; NULL when it is not there. */
void *oct_region_find(const struct oct_region *r, const char *obj, size_t *sz);

/* False once the creator has replaced or removed the file (its magic is cleared first): leave and
 * join again. */
bool oct_region_current(const struct oct_region *r);

/* Unmaps; the file stays.  NULL and closed regions are fine. */
void oct_region_leave(struct oct_region *r);
/* Removes the file; who still maps it finds it no longer current. */
int oct_region_unlink(const char *dir, const char *name);

#endif
