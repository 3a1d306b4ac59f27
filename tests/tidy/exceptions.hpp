#pragma once

#include <map>
#include <string>

namespace tidy {

using Exceptions = std::map<std::string, std::string>;  // path, why it may

/// Where the tree may break a rule of tests/tidy_test.cpp.
namespace exceptions {

inline const Exceptions long_files{};
inline const Exceptions long_functions{
    {"src/api/error.cpp", "one switch: the text of each error, in one place"},
};
inline const Exceptions untested_sources{
    {"src/protocol/mux_port.cpp", "one with the mux: mux_test, and all of tests/sim"},
    {"src/protocol/mux_receive.cpp", "one with the mux: mux_test, and all of tests/sim"},
    {"src/protocol/outbound_copies.cpp", "a part of the sending half: mux_copies_test is its test"},
    {"src/protocol/outbound_write.cpp", "a part of the sending half: outbound_test is its test"},
    {"src/transport/output_buffer.cpp", "a part of the link: link_test is its test"},
    {"src/transport/tcp/encounter.cpp", "needs two ends: dial_test is its test"},
    {"src/transport/udp/datagram_io_portable.cpp", "datagram_io_test, in ./dev portable"},
    {"src/transport/udp/datagram_io_posix.cpp", "datagram_io_test is its test"},
    {"src/transport/udp/link_receive.cpp", "a part of the link: link_test is its test"},
    {"src/transport/udp/link_send.cpp", "a part of the link: link_test is its test"},
    {"src/transport/socket_io_portable.cpp", "the other half of socket_io_test, in ./dev portable"},
    {"src/transport/socket_io_posix.cpp", "socket_io_test is its test"},
};

}  // namespace exceptions

}  // namespace tidy
