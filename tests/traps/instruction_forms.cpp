#include "traps/instruction_forms.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "traps/decode.hpp"

using namespace ringpress;

TEST_CASE("every form is one whole instruction, and the one it is listed under") {
    Decoder decoder;
    for (const KnownForm& f : instruction_forms()) {
        const Instruction insn = decoder.decode(f.form.bytes, f.form.length);
        INFO(explanation(f.id).key << ": " << decoder.text(f.form.bytes, f.form.length, 0));
        CHECK(insn.id == f.id);
        CHECK(insn.length == f.form.length);
    }
}

TEST_CASE("every sensitive instruction has a form and an explanation, and no form is there twice") {
    std::set<InsnId> seen;
    std::set<std::string> forms;
    for (const KnownForm& f : instruction_forms()) {
        seen.insert(f.id);
        std::string form(f.bytes().begin(), f.bytes().end());
        form += f.form.note;
        CHECK(forms.insert(form).second);
    }
    for (const InsnExplanation& e : explanations()) {
        INFO(e.key);
        CHECK(seen.count(e.id) == 1);
        CHECK(&explanation(e.id) == &e);
        CHECK(e.ring0.size() > 5);
        CHECK(e.why.size() > 5);
    }
}

TEST_CASE("each way to name a segment register is a form of its own") {
    // ModRM reg fields of 8C (all six) and 8E (CS cannot be loaded); push and pop by their opcodes.
    const auto reg_fields = [](InsnId id) {
        std::set<unsigned> fields;
        for (const KnownForm& f : instruction_forms())
            if (f.id == id) fields.insert((f.form.bytes[1] >> 3) & 7u);
        return fields;
    };
    CHECK(reg_fields(InsnId::mov_from_seg) == std::set<unsigned>{0, 1, 2, 3, 4, 5});
    CHECK(reg_fields(InsnId::mov_to_seg) == std::set<unsigned>{0, 2, 3, 4, 5});
    const auto opcodes = [](InsnId id) {
        std::set<unsigned> found;
        for (const KnownForm& f : instruction_forms())
            if (f.id == id) found.insert(f.form.bytes[0] == 0x0F ? f.form.bytes[1] : f.form.bytes[0]);
        return found;
    };
    CHECK(opcodes(InsnId::push_seg) == std::set<unsigned>{0x06, 0x0E, 0x16, 0x1E, 0xA0, 0xA8});
    CHECK(opcodes(InsnId::pop_seg) == std::set<unsigned>{0x07, 0x17, 0x1F, 0xA1, 0xA9});
    CHECK(opcodes(InsnId::in) == std::set<unsigned>{0xE4, 0xE5, 0xEC, 0xED});
    CHECK(opcodes(InsnId::out) == std::set<unsigned>{0xE6, 0xE7, 0xEE, 0xEF});
}
