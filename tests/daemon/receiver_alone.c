/*
 * The receiver's role without the node around it: receiver_alone DATA_DIR MAX ACCEPT_UNKNOWN.
 * It knows two peers, ECHOER and STORER; prints its port and serves until SIGTERM.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/log.h"
#include "daemon/role.h"
#include "util/text.h"

static int listen_somewhere(int *ret_port)
{
    struct sockaddr_in here = { .sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof here;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (bind(listener, (struct sockaddr *)&here, size) != 0 || listen(listener, 128) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &size) != 0)
        return -1;
    *ret_port = ntohs(here.sin_port);
    return listener;
}

int main(int argc, char **argv)
{
    struct config_peer peers[] = {
        { .name = "echoer", .ae_title = "ECHOER", .allow = RIGHT_ECHO },
        { .name = "storer", .ae_title = "STORER", .allow = RIGHT_ECHO | RIGHT_STORE }
    };
    struct config config = { .ae_title = "TUMORD", .max_pdu = 131072, .timeout_s = 3,
                             .peer = peers, .peer_count = 2 };
    struct role role = { .name = "receiver", .config = &config };
    long long max;

    if (argc != 4 || !text_to_int(argv[2], 1, 1000, &max))
        return 2;
    text_format(config.data_dir, sizeof config.data_dir, "%s", argv[1]);
    config.max_associations = (int)max;
    config.accept_unknown = strcmp(argv[3], "yes") == 0;
    role_begin("receiver", -1, -1);
    log_open("receiver", LOG_LEVEL_ERROR, LOG_TARGET_STDERR);
    role.listener[0] = listen_somewhere(&config.port);
    printf("%d\n", config.port);
    fflush(stdout);
    return receiver_main(&role);
}
