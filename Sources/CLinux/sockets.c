#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

#include "clinux.h"

int clinux_open_socket_diagnosis(void) {
  return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
}

uint32_t clinux_other_end(int diagnosis, uint32_t socket) {
  struct {
    struct nlmsghdr head;
    struct unix_diag_req body;
  } request = {
      .head = {.nlmsg_len = sizeof request,
               .nlmsg_type = SOCK_DIAG_BY_FAMILY,
               .nlmsg_flags = NLM_F_REQUEST},
      .body = {.sdiag_family = AF_UNIX,
               .udiag_states = UINT32_MAX,
               .udiag_ino = socket,
               .udiag_show = UDIAG_SHOW_PEER,
               .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
  };
  union {
    struct nlmsghdr head;
    char bytes[1024];
  } answer;
  if (send(diagnosis, &request, sizeof request, 0) != sizeof request) return 0;
  // The kernel has answered before send() returns.
  ssize_t size = recv(diagnosis, &answer, sizeof answer, MSG_DONTWAIT);
  if (size < (ssize_t)NLMSG_LENGTH(sizeof(struct unix_diag_msg)) ||
      !NLMSG_OK(&answer.head, (uint32_t)size) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return 0;
  const struct unix_diag_msg *message = NLMSG_DATA(&answer.head);
  if (message->udiag_ino != socket) return 0;
  int left = (int)(answer.head.nlmsg_len - NLMSG_LENGTH(sizeof *message));
  for (struct rtattr *part = (struct rtattr *)(message + 1); RTA_OK(part, left);
       part = RTA_NEXT(part, left)) {
    uint32_t other;
    if (part->rta_type != UNIX_DIAG_PEER || RTA_PAYLOAD(part) < sizeof other) continue;
    memcpy(&other, RTA_DATA(part), sizeof other);
    return other;
  }
  return 0;
}
