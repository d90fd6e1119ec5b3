#include "agents/strategy/load.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/hash.h"

#define FILE_MAX (64 << 20)

/* What hot code may call: nothing that allocates, waits, asks the kernel or rounds by the platform's
 * mood.  The weak ones are what compilers put into every shared object. */
static const char *const allowed[] = {
    "memcpy",
    "memmove",
    "memset",
    "memcmp",
    "sqrt",
    "__stack_chk_fail",
    "__cxa_finalize",
    "__gmon_start__",
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
};
static const char *const libraries[] = {"libc.so.6", "libm.so.6", "ld-linux-x86-64.so.2"};

struct image {
    const uint8_t *p;
    size_t sz;
    char *err;
    size_t err_sz;
};

static int fail(const struct image *im, int code, const char *fmt, ...) OCT_PRINTF(3, 4);

static int fail(const struct image *im, int code, const char *fmt, ...)
{
    va_list ap;

    if (im->err) {
        va_start(ap, fmt);
        vsnprintf(im->err, im->err_sz, fmt, ap);
        va_end(ap);
    }
    return code;
}

static bool listed(const char *const *list, size_t cnt, const char *name)
{
    for (size_t i = 0; i < cnt; i++) {
        if (strcmp(list[i], name) == 0)
            return true;
    }
    return false;
}

/* A part of the file, or NULL when it reaches beyond it or is not aligned. */
static const void *part(const struct image *im, uint64_t off, uint64_t sz, size_t align)
{
    if (off > im->sz || sz > im->sz - off || (off & (align - 1)) != 0)
        return NULL;
    return im->p + off;
}

/* A string of a string table, or NULL when it does not end inside. */
static const char *text(const char *tab, uint64_t tab_sz, uint64_t off)
{
    if (off >= tab_sz || !memchr(tab + off, 0, tab_sz - off))
        return NULL;
    return tab + off;
}

static int check_symbols(const struct image *im, const Elf64_Shdr *sec, const char *names,
                         uint64_t names_sz)
{
    const Elf64_Sym *sym = part(im, sec->sh_offset, sec->sh_size, 8);

    if (!sym)
        return fail(im, -ENOEXEC, "the symbol table reaches beyond the file");
    for (uint64_t i = 1; i < sec->sh_size / sizeof *sym; i++) {
        const char *name = text(names, names_sz, sym[i].st_name);
        if (!name)
            return fail(im, -ENOEXEC, "symbol %llu has no name", (unsigned long long)i);
        if (sym[i].st_shndx != SHN_UNDEF || listed(allowed, OCT_ARRAY_CNT(allowed), name))
            continue;
        return fail(im, -EPERM, "uses %s, which a lane may not call", name);
    }
    return 0;
}

static int check_needed(const struct image *im, const Elf64_Shdr *sec, const char *names,
                        uint64_t names_sz)
{
    const Elf64_Dyn *dyn = part(im, sec->sh_offset, sec->sh_size, 8);

    if (!dyn)
        return fail(im, -ENOEXEC, "the dynamic section reaches beyond the file");
    for (uint64_t i = 0; i < sec->sh_size / sizeof *dyn && dyn[i].d_tag != DT_NULL; i++) {
        const char *name;
        if (dyn[i].d_tag != DT_NEEDED)
            continue;
        name = text(names, names_sz, dyn[i].d_un.d_val);
        if (!name || !listed(libraries, OCT_ARRAY_CNT(libraries), name))
            return fail(im, -EPERM, "needs the library %s", name ? name : "?");
    }
    return 0;
}

/* What the dynamic linker will go by; sections are only said to describe the same. */
struct dynamic {
    const Elf64_Phdr *ph;
    unsigned ph_cnt;
    uint64_t symtab, strtab, strtab_sz;
    uint64_t rela[2], rela_sz[2]; /* of data, of calls */
};

/* A part of the file by its address once mapped, or NULL. */
static const void *mapped(const struct image *im, const struct dynamic *d, uint64_t addr,
                          uint64_t sz, size_t align)
{
    for (unsigned i = 0; i < d->ph_cnt; i++) {
        const Elf64_Phdr *ph = &d->ph[i];
        if (ph->p_type == PT_LOAD && addr >= ph->p_vaddr && addr - ph->p_vaddr < ph->p_filesz &&
            sz <= ph->p_filesz - (addr - ph->p_vaddr))
            return part(im, ph->p_offset + (addr - ph->p_vaddr), sz, align);
    }
    return NULL;
}

static bool read_dynamic(const struct image *im, struct dynamic *d)
{
    const Elf64_Ehdr *eh = (const Elf64_Ehdr *)im->p;
    const Elf64_Dyn *dyn = NULL;
    uint64_t cnt = 0;

    *d = (struct dynamic){.ph_cnt = eh->e_phnum};
    d->ph = part(im, eh->e_phoff, (uint64_t)eh->e_phnum * sizeof *d->ph, 8);
    if (!d->ph || eh->e_phentsize != sizeof *d->ph)
        return false;
    for (unsigned i = 0; i < d->ph_cnt; i++) {
        if (d->ph[i].p_type != PT_DYNAMIC)
            continue;
        dyn = part(im, d->ph[i].p_offset, d->ph[i].p_filesz, 8);
        cnt = d->ph[i].p_filesz / sizeof *dyn;
    }
    for (uint64_t i = 0; dyn && i < cnt && dyn[i].d_tag != DT_NULL; i++) {
        uint64_t v = dyn[i].d_un.d_val;
        switch (dyn[i].d_tag) {
        case DT_SYMTAB:
            d->symtab = v;
            break;
        case DT_STRTAB:
            d->strtab = v;
            break;
        case DT_STRSZ:
            d->strtab_sz = v;
            break;
        case DT_RELA:
            d->rela[0] = v;
            break;
        case DT_RELASZ:
            d->rela_sz[0] = v;
            break;
        case DT_JMPREL:
            d->rela[1] = v;
            break;
        case DT_PLTRELSZ:
            d->rela_sz[1] = v;
            break;
        default:
            break;
        }
    }
    return dyn != NULL;
}

/* Every symbol that a relocation names. */
static int check_relocations(const struct image *im)
{
    struct dynamic d;
    const char *names;

    if (!read_dynamic(im, &d) || !(names = mapped(im, &d, d.strtab, d.strtab_sz, 1)))
        return fail(im, -ENOEXEC, "no dynamic segment, or its names are not in the file");
    for (unsigned k = 0; k < 2; k++) {
        const Elf64_Rela *rel = d.rela_sz[k] ? mapped(im, &d, d.rela[k], d.rela_sz[k], 8) : NULL;
        if (d.rela_sz[k] && !rel)
            return fail(im, -ENOEXEC, "the relocations are not in the file");
        for (uint64_t i = 0; i < d.rela_sz[k] / sizeof *rel; i++) {
            uint64_t n = ELF64_R_SYM(rel[i].r_info);
            const Elf64_Sym *sym = mapped(im, &d, d.symtab + n * sizeof *sym, sizeof *sym, 8);
            const char *name = sym ? text(names, d.strtab_sz, sym->st_name) : NULL;
            if (!name)
                return fail(im, -ENOEXEC, "relocation %llu has no symbol", (unsigned long long)i);
            if (n != 0 && sym->st_shndx == SHN_UNDEF &&
                !listed(allowed, OCT_ARRAY_CNT(allowed), name))
                return fail(im, -EPERM, "uses %s, which a lane may not call", name);
        }
    }
    return 0;
}

static int check_image(const struct image *im)
{
    const Elf64_Ehdr *eh = part(im, 0, sizeof *eh, 8);
    const Elf64_Shdr *sh;
    bool found = false;

    if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
        eh->e_ident[EI_DATA] != ELFDATA2LSB || eh->e_machine != EM_X86_64 || eh->e_type != ET_DYN ||
        eh->e_shentsize != sizeof *sh)
        return fail(im, -ENOEXEC, "not a 64-bit x86-64 shared object");
    sh = part(im, eh->e_shoff, (uint64_t)eh->e_shnum * sizeof *sh, 8);
    if (!sh)
        return fail(im, -ENOEXEC, "the section table reaches beyond the file");
    for (unsigned i = 0; i < eh->e_shnum; i++) {
        const char *names;
        int rc;
        if (sh[i].sh_type != SHT_DYNSYM && sh[i].sh_type != SHT_DYNAMIC)
            continue;
        if (sh[i].sh_link >= eh->e_shnum)
            return fail(im, -ENOEXEC, "section %u has no string table", i);
        names = part(im, sh[sh[i].sh_link].sh_offset, sh[sh[i].sh_link].sh_size, 1);
        if (!names)
            return fail(im, -ENOEXEC, "a string table reaches beyond the file");
        rc = sh[i].sh_type == SHT_DYNSYM
                 ? check_symbols(im, &sh[i], names, sh[sh[i].sh_link].sh_size)
                 : check_needed(im, &sh[i], names, sh[sh[i].sh_link].sh_size);
        if (rc)
            return rc;
        found |= sh[i].sh_type == SHT_DYNSYM;
    }
    return found ? check_relocations(im) : fail(im, -ENOEXEC, "no dynamic symbols");
}

static int map_in(const struct image *im, const char *path, struct oct_plugin_loaded *out)
{
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct oct_plugin *p;

    if (!so)
        return fail(im, -ENOEXEC, "%s", dlerror());
    p = dlsym(so, OCT_PLUGIN_SYMBOL);
    if (!p) {
        dlclose(so);
        return fail(im, -EPROTO, "has no symbol " OCT_PLUGIN_SYMBOL);
    }
    if (p->abi != OCT_PLUGIN_ABI || p->sz != sizeof *p) {
        int rc = fail(im, -EPROTO, "interface version %u, this is %u", p->abi, OCT_PLUGIN_ABI);
        dlclose(so);
        return rc;
    }
    if (!p->footprint || !p->init || !p->on_market || !p->digest ||
        !memchr(p->name, 0, sizeof p->name)) {
        dlclose(so);
        return fail(im, -EPROTO, "its table lacks a function or a name");
    }
    out->plugin = p;
    out->build_id = oct_digest64(0, im->p, im->sz);
    return 0;
}

int oct_strategy_load(const char *path, struct oct_plugin_loaded *out, char *err, size_t err_sz)
{
    struct image im = {.err = err_sz ? err : NULL, .err_sz = err_sz};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
    void *p;

    if (fd < 0)
        return fail(&im, -errno, "%s: %s", path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr) ||
        st.st_size > FILE_MAX) {
        rc = fail(&im, -ENOEXEC, "not a regular file of a plausible size");
        goto out_close;
    }
    p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
        rc = fail(&im, -errno, "%s", strerror(errno));
        goto out_close;
    }
    im.p = p;
    im.sz = (size_t)st.st_size;
    rc = check_image(&im);
    if (rc == 0)
        rc = map_in(&im, path, out);
    munmap(p, im.sz);
out_close:
    close(fd);
    return rc;
}
