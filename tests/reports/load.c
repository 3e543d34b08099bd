/* Load: files in the order of their names; a series sorts them itself. */
#include "tests/reports/load.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "dicom/dataset.h"
#include "dicom/series.h"
#include "util/arena.h"
#include "util/error.h"

#define MOST_BYTES ((size_t)8 << 20)    /* of a file */

static bool add_file(struct series *series, const char *path, struct error *err)
{
    FILE *const file = fopen(path, "rb");
    unsigned char *const bytes = malloc(MOST_BYTES);
    const size_t size = file == NULL || bytes == NULL ? 0 : fread(bytes, 1, MOST_BYTES, file);
    struct dataset *const dataset = dataset_read(bytes, size, err);
    const bool good = dataset != NULL && series_add(series, dataset, err);

    if (file != NULL)
        fclose(file);
    dataset_free(dataset);
    free(bytes);
    return good;
}

bool load_series(const char *folder, struct arena *arena, struct volume *ret_volume,
                 struct error *err)
{
    struct dirent **names;
    struct series_facts facts;
    char path[5000];

    if (!dicom_init(err))
        return false;
    const int count = scandir(folder, &names, NULL, alphasort);
    struct series *const series = count < 0 ? NULL : series_new((size_t)count, arena, err);
    bool good = series != NULL;
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            good = good && add_file(series, path, err);
        free(names[i]);
    }
    if (count >= 0)
        free(names);
    good = good && series_volume(series, ret_volume, &facts, err);
    series_free(series);
    return good;
}
