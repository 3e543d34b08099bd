/* Pool: threads that draw the next part; they live for one loop. */
#include "analysis/pool.h"

#include <pthread.h>
#include <stdatomic.h>

#define MAX_THREADS 64

struct loop {
    atomic_size_t next;
    size_t count;
    pool_fn work;
    void *context;
};

static void *draw(void *context)
{
    struct loop *const loop = context;

    for (;;) {
        const size_t part = atomic_fetch_add(&loop->next, 1);
        if (part >= loop->count)
            return NULL;
        loop->work(part, loop->context);
    }
}

/* A thread that cannot be started only makes the loop slower. */
void pool_run(int threads, size_t count, pool_fn work, void *context)
{
    struct loop loop = { .count = count, .work = work, .context = context };
    pthread_t thread[MAX_THREADS];
    int started = 0;

    while (started < threads - 1 && started < MAX_THREADS && (size_t)started + 1 < count
           && pthread_create(&thread[started], NULL, draw, &loop) == 0)
        started++;
    draw(&loop);
    while (started > 0)
        pthread_join(thread[--started], NULL);
}
