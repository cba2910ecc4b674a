#include "monitor/debug/gdb_server.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace ringpress {

namespace {
/// Bytes that GDB may leave unread, or send while the guest does not come to a stop, before it is hung up on.
constexpr std::size_t kMostWaiting = 4u << 20;
}  // namespace

void GdbServer::listen(const GdbAddress& address) {
    if (address == address_) return;
    listener_ = address.none ? nullptr : std::make_unique<GdbListener>(address);
    address_ = address;
    hang_up_soon_ = bool(connection_);
}

void GdbServer::begin_life(GdbTarget& target) {
    target_ = &target;
    token_ = target.control.on_stop([this] { on_stop(); });
    if (session_) session_->attach(target);
}

void GdbServer::end_life() {
    if (!target_) return;
    target_->control.forget(token_);
    target_ = nullptr;
    if (session_) session_->detach_target();
    if (leaving_) finish_leaving();
}

void GdbServer::end_run(int status) {
    if (session_ && connection_) {
        session_->ended(status);
        flush();
    }
    end_life();
}

void GdbServer::add_poll_fds(std::vector<pollfd>& fds) {
    if (!connection_) {
        if (listener_) fds.push_back({listener_->fd(), static_cast<short>(leaving_ ? 0 : POLLIN), 0});
        return;
    }
    const bool full = received_.size() >= kMostWaiting;
    fds.push_back(
        {connection_.get(), static_cast<short>((full ? 0 : POLLIN) | (unsent_.empty() ? 0 : POLLOUT)), 0});
}

void GdbServer::handle(std::span<const pollfd> fds) {
    if (hang_up_soon_) {
        hang_up_soon_ = false;
        hang_up();
        return;
    }
    if (fds.empty() || fds[0].revents == 0) return;
    if (!connection_) {
        if (listener_) connected(listener_->accept());
        return;
    }
    if (fds[0].revents & POLLOUT) flush();
    if (connection_ && fds[0].revents & (POLLIN | POLLHUP | POLLERR)) receive();
}

void GdbServer::connected(UniqueFd connection) {
    if (!connection || !target_) return;
    connection_ = std::move(connection);
    reader_ = GdbReader{};
    received_.clear();
    unsent_.clear();
    last_packet_.clear();
    session_.emplace([this](std::string_view payload) { send(payload); });
    session_->attach(*target_);
    request_stop();
}

void GdbServer::receive() {
    char bytes[4096];
    const ssize_t n = recv(connection_.get(), bytes, sizeof bytes, 0);
    if (n > 0) {
        received_.append(bytes, static_cast<std::size_t>(n));
        process();
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up();
    }
}

/// As far as the guest is stopped: whatever comes while it runs, Ctrl-C or not, stops it first.
void GdbServer::process() {
    while (connection_ && target_ && !received_.empty()) {
        if (!target_->control.stopped()) {
            // Acknowledgements of what was sent before ask for nothing.
            if (received_.find_first_not_of('+') == std::string::npos)
                received_.clear();
            else
                request_stop();
            return;
        }
        std::string_view rest = received_;
        const std::optional<GdbInput> input = reader_.next(rest);
        received_.erase(0, received_.size() - rest.size());
        if (input) take(*input);
        if (session_ && session_->over()) hang_up();
    }
}

void GdbServer::take(const GdbInput& input) {
    using What = GdbInput::What;
    const bool acks = session_->wants_acks();
    switch (input.what) {
        case What::packet:
            last_packet_.clear();
            if (acks) unsent_ += '+';
            session_->packet(input.payload);
            break;
        case What::damaged:
            if (acks) unsent_ += '-';
            break;
        case What::oversized:
            if (acks) unsent_ += '+';
            send("E22");
            break;
        case What::ack: last_packet_.clear(); break;
        case What::nack: unsent_ += last_packet_; break;
        case What::interrupt: break;  // the guest has stopped already
    }
    flush();
}

void GdbServer::request_stop() {
    stop_pending_ = !target_->control.stopped();
    target_->control.request_stop();
}

void GdbServer::on_stop() {
    stop_pending_ = false;
    if (leaving_) {
        finish_leaving();
        return;
    }
    if (!session_) return;
    session_->stopped();
    flush();
    process();
}

void GdbServer::send(std::string_view payload) {
    last_packet_ = gdb_packet(payload);
    unsent_ += last_packet_;
}

void GdbServer::flush() {
    while (connection_ && !unsent_.empty()) {
        const ssize_t n = ::send(connection_.get(), unsent_.data(), unsent_.size(), MSG_NOSIGNAL);
        if (n > 0) {
            unsent_.erase(0, static_cast<std::size_t>(n));
        } else if (errno == EAGAIN || errno == EINTR) {
            if (unsent_.size() > kMostWaiting) hang_up();
            return;
        } else {
            hang_up();
        }
    }
}

void GdbServer::hang_up() {
    if (!connection_) return;
    connection_.reset();
    received_.clear();
    unsent_.clear();
    if (session_->over()) {
        session_.reset();
        return;
    }
    leaving_ = true;
    if (target_ && !target_->control.stopped() && (session_->has_points() || stop_pending_))
        request_stop();  // it goes on in on_stop()
    else
        finish_leaving();
}

void GdbServer::finish_leaving() {
    leaving_ = false;
    session_->leave();
    session_.reset();
}

}  // namespace ringpress
