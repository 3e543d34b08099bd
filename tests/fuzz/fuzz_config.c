/* The configuration: what loads must come back from its own dump as the same dump. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "daemon/config.h"
#include "util/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct config *load(const void *bytes, size_t size)
{
    struct error err;
    char path[64];
    const int fd = memfd_create("yaml", 0);

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    FILE *const complaints = fopen("/dev/null", "w");
    struct config *const config = config_load(path, complaints, &err);
    fclose(complaints);
    close(fd);
    return config;
}

static char *dump(const struct config *config)
{
    struct error err;
    char *text = NULL;
    size_t size;
    FILE *const to = open_memstream(&text, &size);

    if (!config_dump(config, to, &err))
        abort();
    fclose(to);
    return text;
}

static const char *tag_of(const char *keyword, void *context)
{
    (void)keyword;
    return context;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char value[] = "ORIGINAL\\1.5\\ABDOMEN";
    struct config *const config = load(bytes, size);

    if (config == NULL)
        return 0;
    char *const one = dump(config);
    struct config *const again = load(one, strlen(one));
    if (again == NULL)
        abort();
    char *const two = dump(again);
    if (strcmp(one, two) != 0
        || (config_match(config, tag_of, value) == NULL)
            != (config_match(again, tag_of, value) == NULL))
        abort();
    free(one);
    free(two);
    config_free(config);
    config_free(again);
    return 0;
}
