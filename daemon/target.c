/* Target: the client's side of TLS is made once in a process, when it is first wanted. */
#include "daemon/target.h"

#include <pthread.h>

#include "daemon/config.h"
#include "dicom/tls.h"
#include "util/error.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct tls *client;              /* lives as long as the process */

static bool make_client(const struct config *config, struct error *err)
{
    const struct tls_files files = { config->tls_certificate, config->tls_key,
                                     config->tls_authorities };

    pthread_mutex_lock(&mutex);
    if (client == NULL)
        client = tls_new_client(&files, err);
    const bool good = client != NULL;
    pthread_mutex_unlock(&mutex);
    return good;
}

bool target_make(const struct config *config, const struct config_peer *peer,
                 struct association_target *ret_target, struct error *err)
{
    if (peer->tls && !make_client(config, err))
        return false;
    *ret_target = (struct association_target){
        .host = peer->host, .port = peer->port, .calling_ae = config->ae_title,
        .called_ae = peer->ae_title, .max_pdu = config->max_pdu,
        .timeout_s = config->timeout_s, .tls = peer->tls ? client : NULL
    };
    return true;
}
