/* load.h - loading a plug-in, before the seal; cold code.
 *
 * The file is read first: a 64-bit little-endian x86-64 shared object whose undefined symbols are
 * all on the allow-list and which needs no library but the C library and its mathematics.  Only then
 * is it mapped in, its symbol looked up and its table checked.
 *
 * Thread:  any, one at a time.
 * Memory:  the object stays mapped for ever. */
#ifndef OCT_STRATEGY_LOAD_H
#define OCT_STRATEGY_LOAD_H

#include "agents/strategy/plugin.h"

struct oct_plugin_loaded {
    const struct oct_plugin *plugin;
    uint64_t build_id; /* digest of the file, for the journal */
};

#define OCT_PLUGIN_ERR_SZ 256u

/* 0; -ENOENT, -EACCES and the like of opening; -ENOEXEC not such an object; -EPERM a symbol or
 * library that a lane may not use; -EPROTO no table, or of another interface version.  err says it
 * in words, and may be NULL. */
int oct_strategy_load(const char *path, struct oct_plugin_loaded *out, char *err, size_t err_sz);

#endif
