/* Config reading: a file's tree over a configuration that already has its defaults. */
#ifndef TUMORD_DAEMON_CONFIG_READ_H
#define TUMORD_DAEMON_CONFIG_READ_H

struct complaints;
struct config;
struct config_node;

/* What the file gives replaces what is there, a list as a whole. All mistakes are told. */
void config_read(struct config *config, const struct config_node *root,
                 struct complaints *complaints);

void config_rules_free(struct config *config);

#endif
