#include "monitor/cli_main.hpp"

int main(int argc, char** argv) {
    return ringpress::cli_main(argc, argv);
}
