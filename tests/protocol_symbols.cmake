# Fails when the archive of the protocol layer needs a symbol that does I/O, waits, reads a clock,
# draws random numbers or starts threads. cmake -D NM=... -D ARCHIVE=... -P protocol_symbols.cmake
execute_process(COMMAND ${NM} --undefined-only --format=posix ${ARCHIVE}
    OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)

set(forbidden
    # sockets and files
    socket socketpair bind listen accept accept4 connect shutdown getaddrinfo getnameinfo
    send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg read readv write writev
    open open64 openat close ioctl fcntl fcntl64 setsockopt getsockopt
    # waiting
    poll ppoll select pselect epoll_create1 epoll_ctl epoll_wait eventfd timerfd_create
    sleep usleep nanosleep clock_nanosleep sched_yield
    # time and chance
    time clock clock_gettime gettimeofday getrandom getentropy rand random arc4random
    # threads
    pthread_create pthread_join pthread_mutex_lock pthread_cond_wait)

# The C++ library's own ways to the same things, by the start of the mangled name.
set(forbidden_prefixes
    _ZNSt6chrono3_V212steady_clock3nowE _ZNSt6chrono3_V212system_clock3nowE
    _ZNSt13random_device _ZNSt6thread _ZNSt18condition_variable _ZN4asio _ZN6spdlog)

string(REPLACE "\n" ";" lines "${listing}")
foreach(line IN LISTS lines)
    if(NOT line MATCHES "^([^ ]+) [Uw]")
        continue()
    endif()
    set(symbol ${CMAKE_MATCH_1})
    string(REGEX REPLACE "@.*" "" symbol ${symbol})
    list(FIND forbidden ${symbol} found)
    foreach(prefix IN LISTS forbidden_prefixes)
        string(FIND ${symbol} ${prefix} at)
        if(at EQUAL 0)
            set(found 0)
        endif()
    endforeach()
    if(found GREATER_EQUAL 0)
        list(APPEND violations ${symbol})
    endif()
endforeach()

if(violations)
    list(REMOVE_DUPLICATES violations)
    list(JOIN violations ", " violations)
    message(FATAL_ERROR "src/protocol must decide, not do: it asks for ${violations}")
endif()
