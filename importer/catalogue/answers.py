"""What the API's answers can make of a value or a customer: lookups, refusals, failures."""

from importer.catalogue.model import Code
from importer.records import Severity

__all__ = ["ANSWERS"]

_ANSWERED = "it says what became of a customer, not what a cell holds"

ANSWERS = (
    Code(
        "lookup_pending",
        "A name that the run will look up",
        Severity.WARNING,
        "A dry run asks nobody. Names of sales reps and price lists stand in its bodies as they are in the file, and "
        "are turned into ids when the run begins.",
        "Nothing. See that the names are those of WizCommerce.",
        "The sales rep `Dana Reyes`, of 14 customers.",
        fixed="it is no fault, only not known yet",
    ),
    Code(
        "lookup_unresolved",
        "A name that WizCommerce does not know",
        Severity.ERROR,
        "No sales rep or price list of that name, e-mail address or id was found, or more than one.",
        "Mend the cell (the hint names the nearest one), or make the sales rep or price list in WizCommerce first.",
        "`Dana Reyez`, where WizCommerce has Dana Reyes.",
    ),
    Code(
        "lookup_inactive",
        "A name that stands for something no longer in use",
        Severity.WARNING,
        "WizCommerce has the sales rep or price list, but as inactive. Its id is sent all the same.",
        "Name the one that took its place, or make it active again in WizCommerce.",
        "`Dana Reyes`, who left the company.",
    ),
    Code(
        "name_in_api",
        "A customer of that name is there already",
        Severity.WARNING,
        "A plan compares the names of customers to be created with those that WizCommerce has under another reference "
        "id or none. Capitals and spaces do not count.",
        "If it is the same customer, give the one in WizCommerce this reference id: it is then left alone. Two firms "
        "may also have one name.",
        "`Harbor Goods`, which somebody made by hand last week.",
        fixed="a plan shows it and nothing comes of it",
    ),
    Code(
        "email_in_api",
        "A customer of that e-mail address is there already",
        Severity.WARNING,
        "A plan compares the e-mail addresses of customers to be created with those that WizCommerce has under another "
        "reference id or none.",
        "If it is the same customer, give the one in WizCommerce this reference id: it is then left alone. Branches "
        "may also share one address.",
        "`orders@example.com`, of Harbor Goods and of Harbor Goods Ltd.",
        fixed="a plan shows it and nothing comes of it",
    ),
    Code(
        "lost_in_api",
        "A customer that was sent and is gone",
        Severity.WARNING,
        "The ledger knows that the customer was created, and WizCommerce has it no more: somebody deleted it there. It "
        "is not created again by itself.",
        "Nothing, if it was deleted on purpose. Else `importer adopt … --only ID`: the next run creates it again.",
        "A customer that was deleted by hand, found by `importer plan --recheck`.",
        fixed="a plan shows it and nothing comes of it",
    ),
    Code(
        "changed_in_api",
        "A customer that was changed in WizCommerce",
        Severity.WARNING,
        "The source has something new for the customer, and somebody changed it in WizCommerce since it was sent last. "
        "With `--on-conflict report` nothing is sent for it.",
        "See which of the two is right. `--on-conflict overwrite` lets the source win, `skip` leaves such customers "
        "without a word.",
        "A new phone number in the export, where somebody had entered another one by hand.",
        fixed=_ANSWERED,
    ),
    Code(
        "differs_in_api",
        "A customer that WizCommerce holds otherwise",
        Severity.WARNING,
        "`importer adopt` found the customer in WizCommerce, with other content than the source has. What is there now "
        "counts as taken; the next run with `--mode upsert` sends what differs.",
        "See in `changes.csv` which of the two is right. If it is WizCommerce, mend the source before the next run.",
        "A phone number that was changed in the ERP after the last run that is known.",
        fixed=_ANSWERED,
    ),
    Code(
        "child_not_in_source",
        "An address or contact that is not in the source any more",
        Severity.WARNING,
        "It was sent before, and the source has it no more. It is kept in WizCommerce: an update deletes nothing.",
        "Nothing, or delete it in WizCommerce.",
        "A second delivery address that the ERP no longer has.",
        fixed=_ANSWERED,
    ),
    Code(
        "missing_from_source",
        "A customer that is not in the source any more",
        Severity.WARNING,
        "The ledger knows it from an earlier run with this mapping, and the sources of a run with `--mode upsert` lack "
        "it. It is left alone in WizCommerce. Sources that are a part only are named with `--partial`.",
        "Nothing, if it was deleted in the ERP. Else see whether the export is whole.",
        "Five customers fewer than last night.",
        fixed="it is about a customer of whom the sources say nothing",
    ),
    Code(
        "child_left_alone",
        "An address or contact that was left as it is",
        Severity.WARNING,
        "The source has something new for it, and the importer could not tell which one in WizCommerce is meant, or it "
        "is inactive or gone there. Neither a change nor a new address or contact was sent.",
        "Compare the customer with its source in WizCommerce, and change it there.",
        "Two addresses in WizCommerce that fit the changed one equally well.",
        fixed=_ANSWERED,
    ),
    Code(
        "other_customer",
        "Another customer under the id that the ledger knows",
        Severity.ERROR,
        "WizCommerce shows another reference id under the customer's id than the importer sent. Nothing is changed or "
        "deleted then, with any option.",
        "Look at both in WizCommerce. `importer adopt … --only ID` connects the customer with its own record again.",
        "The id of customer 0017 shows reference id 0018.",
        fixed=_ANSWERED,
    ),
    Code(
        "id_of_another",
        "A new customer with the id of another one",
        Severity.ERROR,
        "The answer to a request gave the id of a customer that the ledger knows under another reference id. Such an "
        "answer is not believed. The customer was looked up, with the same result.",
        "Show the message to WizCommerce. The next run looks again.",
        "Three requests that were answered with the same id.",
        fixed=_ANSWERED,
    ),
    Code(
        "odd_id",
        "An id that no web address can carry",
        Severity.ERROR,
        "WizCommerce gave the customer, address or contact an id with characters such as spaces or slashes. It cannot "
        "be read, changed or deleted by that id.",
        "Change it in WizCommerce by hand, and show the id to WizCommerce.",
        "The id `a b/c`.",
        fixed=_ANSWERED,
    ),
    Code(
        "update_incomplete",
        "An update that was not carried out as it was sent",
        Severity.ERROR,
        "The first update of each kind is read back. Something was lost or changed there, so the run stopped before "
        "the same happened to other customers.",
        "Compare the customer with its source, and fix it in WizCommerce. Use `--mode create` until it is known how "
        "the API treats updates.",
        "`addresses[A2].phone`, empty after an update that did not touch it.",
        fixed=_ANSWERED,
    ),
    Code(
        "names_not_compared",
        "Names were not compared with those in WizCommerce",
        Severity.INFO,
        "WizCommerce holds so many customers that reading all of them, to find one of the same name or e-mail address, "
        "would take too long. Customers are still told apart by their reference ids.",
        "Nothing.",
        "An account with 50,000 customers.",
        fixed="it says what a plan did not do",
    ),
    Code(
        "attribute_unknown",
        "An attribute that WizCommerce does not have",
        Severity.ERROR,
        "The mapping fills a custom attribute, and WizCommerce defines none of that name for these records.",
        "Correct the name in the mapping (the hint names the nearest one), or make the attribute in WizCommerce first.",
        "The mapping says `Shiping Notes`, WizCommerce has Shipping Notes.",
    ),
    Code(
        "attribute_missing",
        "A mandatory attribute is missing",
        Severity.ERROR,
        "WizCommerce wants every record of this kind to have the attribute, and would refuse one without it. What the "
        "account defines is known in a run, and in a check with `--lookups`.",
        "Fill in the cell, add the attribute to the mapping, or make it optional in WizCommerce.",
        "A customer without a Sales region, where that attribute is mandatory.",
    ),
    Code(
        "attribute_option",
        "Not one of an attribute's options",
        Severity.ERROR,
        "The attribute is a choice among options that were set up in WizCommerce, and this text is neither the label "
        "nor the value of any.",
        "Mend the cell, translate its words with `values` in the mapping, or add the option in WizCommerce.",
        "`Wholesale` where the options are Retail and Distributor.",
    ),
    Code(
        "attribute_invalid",
        "A value that does not fit its attribute",
        Severity.ERROR,
        "WizCommerce says what an attribute holds: a number, a date, a web address. Values are sent as the text they "
        "are, and never converted by guess.",
        "Write the value as the hint says, or name a transform (`date`, `phone`) in the mapping.",
        "`1,234.50 USD` in an attribute that holds a number.",
    ),
    Code(
        "attributes_unchecked",
        "Attributes that could not be checked",
        Severity.INFO,
        "WizCommerce listed no custom attributes for these records, so those of the mapping were held against nothing.",
        "Look in WizCommerce whether the attributes that the mapping names are there.",
        "A new account in which nobody has set up attributes yet.",
        fixed="no customer answers for it",
    ),
    Code(
        "api_refused",
        "The API refused a value",
        Severity.ERROR,
        "The API looked at the customer and gave this reason. It was led back to the cell that the value came from.",
        "Mend the cell and run again: what was refused is sent again.",
        "`addresses[1].zip_code: not a post code of this country`.",
        fixed=_ANSWERED,
    ),
    Code(
        "http_4xx",
        "The API refused a customer without a code of its own",
        Severity.ERROR,
        "In results.csv, with the number of the answer: http_400, http_422. Where the API gave a code of its own, that "
        "stands there instead. The reasons it gave are in errors.csv, as api_refused.",
        "Mend what the reasons say and run again. Without reasons, show the answer's message to WizCommerce.",
        "`http_422` with the message `validation failed`.",
        fixed=_ANSWERED,
    ),
    Code(
        "no_answer",
        "No usable answer until the last attempt",
        Severity.ERROR,
        "The request was sent several times, and each time it was looked up whether it had arrived. It had not.",
        "`importer retry` sends these customers again. If it is the same ones each time, show the message to "
        "WizCommerce.",
        "Three time-outs, and the customer is not in the API.",
        fixed=_ANSWERED,
    ),
    Code(
        "duplicate_in_api",
        "The API holds a customer more than once",
        Severity.ERROR,
        "A request that seemed lost had arrived after all, or somebody made the customer by hand. Nothing is deleted "
        "by itself, because nobody can tell which one is in use.",
        "Delete all but one in WizCommerce; the message names their ids. The next run looks again.",
        "Customer 0017 was found twice.",
        fixed=_ANSWERED,
    ),
)
